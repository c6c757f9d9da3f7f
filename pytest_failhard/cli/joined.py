"""One report out of those of several jobs: every gate judged once more, by one day's terms."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pytest_failhard import judge
from pytest_failhard.attestation import PRODUCT
from pytest_failhard.cli.recheck import judged_apart, settled, waivers_of
from pytest_failhard.cli.shards import ONLY, Shard, ShardsError
from pytest_failhard.distributions.attest import inputs, origin
from pytest_failhard.distributions.attest.inputs import Inputs
from pytest_failhard.distributions.attest.statement import Json, Subject
from pytest_failhard.model import Evidence, GateError, ProjectFacts, Report, Result, Verdict
from pytest_failhard.report import provenance
from pytest_failhard.report.document import Document, GatePart
from pytest_failhard.store import EVIDENCE

if TYPE_CHECKING:
    from datetime import date

    from pytest_failhard.distributions.attest.origin import Origin
    from pytest_failhard.model import Option, Policy

SBOM_GATE = "sbom"
MATERIAL_GATES = (SBOM_GATE, "dependencies", "vulnerabilities")
"""The gates whose evidence says what a tree was made of, in the order of the statement."""


def report(shards: Sequence[Shard], terms: Policy, day: date) -> Report:
    """Return the report of all shards, judged as of the last day on which one of them was.

    A gate that no shard has is an error, and the report is then incomplete. Raises GateError where an
    observation cannot be read.
    """
    first = shards[0].document
    found = {result.gate: result for result in _results(shards, terms, day)}
    order = [rule.gate for rule in terms.rules if rule.gate not in found]
    results = (*_in_order(shards, found), *map(_missing, order))
    volatile = [shard.document.volatile for shard in shards]
    return Report(
        level=first.level,
        policy_name=first.policy.name,
        policy_sha256=first.policy.sha256,
        project=ProjectFacts(**first.project.model_dump()),
        settings=cast("Mapping[str, Option]", {**first.settings, ONLY: []}),
        complete=not order,
        results=results,
        started_at=min(each.started_at for each in volatile),
        judged_on=day,
        seconds={gate: seconds for each in volatile for gate, seconds in each.seconds.items()},
        host=", ".join(dict.fromkeys(each.host for each in volatile)),
        notes=(
            *dict.fromkeys(note for each in volatile for note in each.notes),
            *(f"merged from {_said(shard)}" for shard in shards),
        ),
        models=tuple(sorted({model for shard in shards for model in shard.document.models})),
    )


def _in_order(shards: Sequence[Shard], found: Mapping[str, Result]) -> Iterator[Result]:
    """Yield the results in the order of a report, which each shard keeps for its part of the gates."""
    from pytest_failhard.gates import builtin

    known = [gate.id for gate in builtin()]
    foreign = [part.id for shard in shards for part in shard.document.gates if part.id not in known]
    yield from (found[gate] for gate in (*known, *foreign) if gate in found)


def _said(shard: Shard) -> str:
    gates = ", ".join(part.id for part in shard.document.gates)
    return f"{shard.folder.name}: {gates}, report digest {shard.document.digest}"


def _missing(gate: str) -> Result:
    return judge.error(gate, "shard-missing: no shard has judged this gate, so nothing is proven")


def _results(shards: Sequence[Shard], terms: Policy, day: date) -> Iterator[Result]:
    """Yield the result of each gate; how much may be waived at once is counted over all shards."""
    apart = [
        result
        for shard in shards
        for result in judged_apart(shard.folder, shard.document, terms, waivers_of(shard.folder), day)
    ]
    # All shards were judged by the same waivers and the same baseline: else one would be foreign.
    judged = settled(apart, shards[0].folder, shards[0].document, terms, day)
    for shard in shards:
        for part in shard.document.gates:
            yield _result(part, judged.get(part.id), _evidence(shard.document, part))


def _result(part: GatePart, judged: Result | None, evidence: tuple[Evidence, ...]) -> Result:
    """Return the result of one gate. A reported error stays one: it may rest on more than is observed."""
    if part.verdict != Verdict.ERROR.value and judged is not None:
        return replace(judged, evidence=evidence)
    error = judged or judge.error(part.id, "")
    return replace(
        error,
        verdict=Verdict.ERROR,
        because=part.because,
        tool=part.tool,
        options=part.options,
        fixable=part.fixable,
        evidence=evidence,
    )


def _evidence(document: Document, part: GatePart) -> tuple[Evidence, ...]:
    """Return what was kept of a gate, what holds times among it."""
    equal = [Evidence(**each.model_dump()) for each in part.evidence]
    unequal = document.volatile.evidence.get(part.id, ())
    return (*equal, *(Evidence(**each.model_dump(), volatile=True) for each in unequal))


def statement_inputs(shards: Sequence[Shard], environment: Mapping[str, str]) -> Inputs:
    """Return what the statements over the joined report rest on, as far as the shards agree on it.

    `environment` is that of this run, which is what makes the statements. Raises ShardsError where the
    shards do not agree, GateError where their inputs cannot be read.
    """
    stored = {shard.folder: _stored(shard) for shard in shards}
    mistakes = [*_differing(stored), *_conflicting(stored)]
    if mistakes:
        raise ShardsError(mistakes)
    built = {each.path: each for listed in stored.values() for each in listed.subjects if each.path}
    return Inputs(
        version=importlib.metadata.version(PRODUCT),
        origin=_origin(next(iter(stored.values())).origin, environment),
        subjects=(*_sboms(shards, stored), *(built[path] for path in sorted(built))),
        materials=tuple(_materials(shards, stored)),
    )


def _stored(shard: Shard) -> Inputs:
    place = shard.folder / EVIDENCE / provenance.RUN / provenance.INPUTS
    try:
        return inputs.load(place.read_bytes())
    except OSError as error:
        raise GateError(f"{place}: cannot be read: {error.strerror}") from None


def _differing(stored: Mapping[Path, Inputs]) -> Iterator[str]:
    """Say which shard has another verifier, tree or repository than the first."""
    first, *others = stored
    ours = importlib.metadata.version(PRODUCT)
    for folder, listed in stored.items():
        if listed.version != ours:
            yield f"shard-foreign: {folder}: was judged by {PRODUCT} {listed.version}, this is {ours}"
    there = _place(stored[first].origin)
    for folder in others:
        if (here := _place(stored[folder].origin)) != there:
            yield f"shard-foreign: {folder}: is of {here}, {first} is of {there}"


def _place(found: Origin) -> str:
    source = ", ".join(f"{name} {value}" for name, value in sorted(found.source.items()))
    return " ".join(filter(None, (found.repository or "no repository", found.ref, source)))


def _conflicting(stored: Mapping[Path, Inputs]) -> Iterator[str]:
    """Say which built file had other bytes in one job than in another."""
    seen: dict[str, tuple[Path, Subject]] = {}
    for folder, listed in stored.items():
        for each in listed.subjects:
            if not each.path:
                continue
            other, first = seen.setdefault(each.path, (folder, each))
            if first.sha256 != each.sha256:
                yield f"digest-mismatch: {each.path}: has other bytes in {folder} than in {other}"


def _origin(first: Origin, environment: Mapping[str, str]) -> Origin:
    """Return where the tree comes from, by the shards, and who makes the statements: this run."""
    return origin.of(
        environment,
        remote=first.repository,
        ref=first.ref,
        commit=first.commit,
        is_clean="gitCommit" in first.source,
        manifest=first.source.get("sha256", ""),
    )


def _sboms(shards: Iterable[Shard], stored: Mapping[Path, Inputs]) -> Iterator[Subject]:
    for shard in shards:
        if any(part.id == SBOM_GATE for part in shard.document.gates):
            yield from (each for each in stored[shard.folder].subjects if not each.path)


def _materials(shards: Iterable[Shard], stored: Mapping[Path, Inputs]) -> Iterator[Json]:
    said: list[Json] = []
    for gate in MATERIAL_GATES:
        for shard in shards:
            if any(part.id == gate for part in shard.document.gates):
                said += [each for each in stored[shard.folder].materials if each not in said]
    yield from said
