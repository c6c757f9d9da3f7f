"""Holds a report folder against its own evidence: digests, completeness, policy, level, verdicts."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_failhard import judge, policy
from pytest_failhard.cli import reattest
from pytest_failhard.model import LEVELS, Evidence, GateError, Stock, Verdict
from pytest_failhard.report import HANDED_OUT, migration, models
from pytest_failhard.report import document as documents
from pytest_failhard.report import observation as observations
from pytest_failhard.report import stock as stocks
from pytest_failhard.report import waivers as waiver_lists
from pytest_failhard.report.document import Document, DocumentError, GatePart
from pytest_failhard.report.observation import OBSERVATION, VOLATILE
from pytest_failhard.store import EVIDENCE, REPORT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from pydantic import JsonValue

    from pytest_failhard.model import Observation, Policy, Result, Waiver
    from pytest_failhard.report.parts import EvidencePart

RUN = "run"
PERFORMANCE = "performance"
WAIVERS = "waivers.json"
WAIVERS_DIGEST = "waivers_sha256"
BASELINE = "baseline.json"
BASELINE_DIGEST = "baseline_sha256"
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
RANK = (Verdict.PASS, Verdict.FAIL, Verdict.ERROR)
LONG = 200
FACTS = ("id", "tool", "examined", "measures", "applies", "evidence")


class Tampered(Exception):  # noqa: N818 - what the exit code is called
    """The report does not hold. `mismatches` says all that does not match."""

    def __init__(self, mismatches: Sequence[str]) -> None:
        super().__init__("\n".join(mismatches))
        self.mismatches = tuple(mismatches)


def check(
    folder: Path,
    *,
    level: int | None,
    policy_file: Path | None,
    gates: Collection[str],
    project: Path | None = None,
    partial: bool = False,
) -> Document:
    """Return the report where everything in the folder bears it out, and what was built is as it was.

    What was built is looked for in `project`, by default the folder that holds the report's. A `partial`
    report may lack gates; what it has must hold all the same.

    Raises Tampered with all that does not match, PolicyError where the policy cannot be loaded.
    """
    document, is_sealed = _document(folder)
    known = {*gates, *(part.id for part in document.gates)}
    terms = policy.load(document.level, known, policy_file, today=document.volatile.judged_on)
    framed = [*_frame(document, level, is_sealed=is_sealed), *_scope(document, terms)]
    lacking = [] if partial else [*_lacking(document, terms)]
    _stop([*framed, *lacking, *files(folder, document)])
    judged = [*_judged_again(folder, document, terms), *_decided_again(folder, document)]
    _stop([*judged, *_models(folder, document)])
    _stop([*reattest.mismatches(folder, document, terms, project or folder.resolve().parent)])
    return document


def _stop(mismatches: Sequence[str]) -> None:
    if mismatches:
        raise Tampered(mismatches)


def _document(folder: Path) -> tuple[Document, bool]:
    """Return the report, brought to the current schema, and whether its digest is that of its bytes."""
    try:
        document, is_sealed = migration.load((folder / REPORT).read_bytes())
    except OSError as error:
        raise Tampered([f"{folder / REPORT}: cannot be read: {error.strerror}"]) from None
    except DocumentError as error:
        raise Tampered([f"{folder / REPORT}: is no {documents.SCHEMA}: {error}"]) from None
    if document.level not in LEVELS:
        raise Tampered([f"level: there is no level {document.level}"])
    return document, is_sealed


def _frame(document: Document, level: int | None, *, is_sealed: bool) -> Iterator[str]:
    """Say what does not hold in the report by itself."""
    if not is_sealed:
        yield "digest: the report was edited after it was written"
    if level is not None and document.level < level:
        yield f"level: level {document.level} was judged, and level {level} is demanded"
    worst = max((Verdict(part.verdict) for part in document.gates), key=RANK.index, default=Verdict.ERROR)
    if document.verdict != worst.value:
        yield f"verdict: is {document.verdict} in the report, {worst.value} by its gates"


def _scope(document: Document, terms: Policy) -> Iterator[str]:
    """Say where the report is about another policy, or about other gates than the policy demands."""
    if (document.policy.name, document.policy.sha256) != (terms.name, terms.sha256):
        yield (
            f"policy: judged by {document.policy.name} {document.policy.sha256}, here is {terms.name} "
            f"{terms.sha256}; give its file with --policy, or verify with the version that judged"
        )
    reported = [part.id for part in document.gates]
    demanded = {rule.gate for rule in terms.rules}
    for gate in sorted(set(reported) - demanded):
        yield f"{gate}: the report has this gate, and the policy does not demand it"
    for gate in sorted({gate for gate in reported if reported.count(gate) > 1}):
        yield f"{gate}: is in the report more than once"


def _lacking(document: Document, terms: Policy) -> Iterator[str]:
    """Say what a report lacks of all that the policy demands."""
    if not document.complete:
        yield "complete: the report is partial, so nothing is proven; run all gates of the level"
    for gate in sorted({rule.gate for rule in terms.rules} - {part.id for part in document.gates}):
        yield f"{gate}: the policy demands this gate, and the report lacks it"


def files(folder: Path, document: Document) -> Iterator[str]:
    """Say which kept file is missing or has other bytes than the report names."""
    for part in document.gates:
        for kept in (*part.evidence, *document.volatile.evidence.get(part.id, ())):
            yield from _file(folder, part.id, kept.name, kept.sha256)
        yield from _handed_out(folder, part)
    for name, sha256 in in_force(document).items():
        yield from _file(folder, RUN, name, sha256)


def in_force(document: Document) -> dict[str, str]:
    """Return the digest of each file of the run itself that was judged by, by its name."""
    named = {WAIVERS: str(document.settings.get(WAIVERS_DIGEST))}
    if BASELINE_DIGEST in document.settings:
        named[BASELINE] = str(document.settings[BASELINE_DIGEST])
    return named


def _handed_out(folder: Path, part: GatePart) -> Iterator[str]:
    """Say which file beside the report is not the evidence that it is a copy of."""
    names = HANDED_OUT.get(part.id, frozenset())
    kept = {each.name: each.sha256 for each in part.evidence if part.verdict != Verdict.ERROR.value}
    for name in sorted(names):
        if name in kept:
            yield from _same(folder, name, kept[name])
        elif (folder / name).exists():
            yield f"{name}: stands beside the report, which knows nothing of it"


def _file(folder: Path, gate: str, name: str, sha256: str) -> Iterator[str]:
    place = f"{EVIDENCE}/{gate}/{name}"
    if not (PLAIN_NAME.fullmatch(gate) and PLAIN_NAME.fullmatch(name)):
        yield f"{place}: is no name of a kept file"
        return
    yield from _same(folder, place, sha256)


def _same(folder: Path, place: str, sha256: str) -> Iterator[str]:
    try:
        data = (folder / place).read_bytes()
    except OSError as error:
        yield f"{place}: cannot be read: {error.strerror}"
        return
    if hashlib.sha256(data).hexdigest() != sha256:
        yield f"{place}: its bytes are not those that the report names"


def _judged_again(folder: Path, document: Document, terms: Policy) -> Iterator[str]:
    try:
        waivers = waivers_of(folder)
        judged = judged_again(folder, document, terms, waivers, document.volatile.judged_on)
    except GateError as error:
        yield str(error)
        return
    for part in document.gates:
        result = judged.get(part.id)
        if result is not None:
            yield from _differences(part, documents.gate(result))
        elif part.verdict != Verdict.ERROR.value:
            yield f"{part.id}: verdict is {part.verdict} without {OBSERVATION}, so nothing bears it out"


def _stock(evidence: Path, document: Document) -> Stock:
    """Return what was frozen; nothing in a report from before there was a baseline."""
    if BASELINE_DIGEST not in document.settings:
        return Stock()
    return stocks.load((evidence / RUN / BASELINE).read_bytes())


def waivers_of(folder: Path) -> tuple[Waiver, ...]:
    """Return the waivers that were in force; raises GateError where their file cannot be read."""
    return waiver_lists.load((folder / EVIDENCE / RUN / WAIVERS).read_bytes())


def judged_again(
    folder: Path, document: Document, terms: Policy, waivers: Sequence[Waiver], day: date
) -> dict[str, Result]:
    """Return what the stored observations yield on a day, by gate; none for a gate that could not look.

    Raises GateError where an observation or the baseline cannot be read.
    """
    return settled([*judged_apart(folder, document, terms, waivers, day)], folder, document, terms, day)


def judged_apart(
    folder: Path, document: Document, terms: Policy, waivers: Sequence[Waiver], day: date
) -> Iterator[Result]:
    """Yield what each stored observation yields by itself; nothing yet of what all gates count towards."""
    evidence, clocked = folder / EVIDENCE, document.volatile.evidence
    stock = _stock(evidence, document)
    for part in document.gates:
        for rule in terms.rules:
            if rule.gate != part.id:
                continue
            seen = observed(evidence, part, clocked.get(part.id, ()))
            if seen is not None:
                yield judge.judge(rule, seen, waivers, day, stock.frozen)


def settled(
    judged: Sequence[Result], folder: Path, document: Document, terms: Policy, day: date
) -> dict[str, Result]:
    """Return the results, by gate, with what the waivers and the baseline of the report in a folder owe.

    Budgets count over all of them: what several jobs judged is to be given together.
    """
    done = judge.settle_waivers(judged, waivers_of(folder), terms.waivers, day)
    stock = _stock(folder / EVIDENCE, document)
    return {each.gate: each for each in judge.settle_baseline(done, stock)}


def _models(folder: Path, document: Document) -> list[str]:
    """Say where the head of the report names other models than the evidence."""
    kept = {(part.id, each.name) for part in document.gates for each in part.evidence}
    place = folder / EVIDENCE / models.GATE / models.EVIDENCE
    try:
        asked = models.named(place.read_bytes()) if (models.GATE, models.EVIDENCE) in kept else ()
    except GateError as error:
        return [str(error)]
    if asked == document.models:
        return []
    return [f"models: {_compared([*document.models], [*asked])}"]


def _decided_again(folder: Path, document: Document) -> list[str]:
    """Say what the gate `performance` decided otherwise than its pairs do."""
    part = next((each for each in document.gates if each.id == PERFORMANCE), None)
    if part is None:
        return []
    from pytest_failhard.gates.performance import recomputing

    kept = {each.name for each in (*part.evidence, *document.volatile.evidence.get(part.id, ()))}
    names = kept.intersection(recomputing.NAMES)
    return recomputing.mismatches({name: (folder / EVIDENCE / part.id / name).read_bytes() for name in names})


def observed(evidence: Path, part: GatePart, clocked: Sequence[EvidencePart]) -> Observation | None:
    """Return the stored observation of a gate; None where there is none, as of a gate that could not look."""
    own = next((kept for kept in part.evidence if kept.name == OBSERVATION), None)
    if own is None:
        return None
    data = (evidence / part.id / OBSERVATION).read_bytes()
    if any(kept.name == VOLATILE for kept in clocked):
        seen = observations.joined(data, (evidence / part.id / VOLATILE).read_bytes())
    else:
        seen = observations.load(data)
    kept = Evidence(name=own.name, sha256=own.sha256, media_type=own.media_type)
    return replace(seen, evidence=(*seen.evidence, kept))


def _differences(reported: GatePart, found: GatePart) -> Iterator[str]:
    """Compare everything; of a reported error the facts alone.

    An error may rest on more than the observation (the tree changed meanwhile), and it is never a pass. A
    field that an earlier form of the report did not have is not compared.
    """
    given = tuple(name for name in GatePart.model_fields if name in reported.model_fields_set)
    names = FACTS if reported.verdict == Verdict.ERROR.value else given
    left, right = (part.model_dump(mode="json", include=set(names)) for part in (reported, found))
    for name in names:
        if left[name] != right[name]:
            yield f"{reported.id}: {name}: {_compared(left[name], right[name])}"


def _compared(reported: JsonValue, found: JsonValue) -> str:
    if isinstance(reported, list) and isinstance(found, list) and len(reported) != len(found):
        return f"{len(reported)} in the report, {len(found)} by the evidence"
    texts = [json.dumps(value, ensure_ascii=False, sort_keys=True) for value in (reported, found)]
    if max(map(len, texts)) > LONG:
        return "not what the evidence yields"
    return f"{texts[0]} in the report, {texts[1]} by the evidence"
