"""Attests a run from level 2 on: gathers what its statements rest on, has them built, signed, checked."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard import proc
from pytest_failhard.distributions.attest import artefacts, inputs, origin
from pytest_failhard.distributions.attest.dsse import Signer
from pytest_failhard.distributions.attest.inputs import SBOM, Inputs
from pytest_failhard.distributions.attest.statement import Json, Subject
from pytest_failhard.gates.provenance import SUBJECTS
from pytest_failhard.gates.provenance.settings import ProvenanceSettings
from pytest_failhard.model import GateError
from pytest_failhard.report import document as documents
from pytest_failhard.report import provenance

if TYPE_CHECKING:
    from pytest_failhard.distributions.attest.origin import Origin
    from pytest_failhard.model import Option
    from pytest_failhard.plan import Plan
    from pytest_failhard.store import Store

GATE = "provenance"
PRODUCT = "pytest-failhard"


@dataclass(frozen=True, kw_only=True)
class Attestation:
    """What the statements of a run will say, before it is judged.

    `doubts` are what takes the run its worth: a built file that changed since its gate saw it.
    """

    root: Path
    origin: Origin
    built: tuple[Subject, ...]
    signer: Signer | None
    doubts: tuple[str, ...] = ()

    def files(self, report: bytes, copies: Mapping[str, bytes], store: Store) -> dict[str, bytes]:
        """Return the files for the report folder; what they rest on is kept as evidence.

        `report` are the bytes of `report.json`, `copies` what else stands beside it: the SBOM among them,
        unless its gate is in error. Raises GateError where a statement cannot be made or signed.
        """
        sbom = copies.get(SBOM)
        about = (Subject(name=SBOM, path="", sha256=hashlib.sha256(sbom).hexdigest()),) if sbom else ()
        listed = Inputs(
            version=importlib.metadata.version(PRODUCT),
            origin=self.origin,
            subjects=(*about, *self.built),
            materials=tuple(self._materials(sbom, store)),
        )
        return stated(listed, self.signer, report, store)

    def _materials(self, sbom: bytes | None, store: Store) -> Iterator[Json]:
        """Yield what the run rested on, as far as its gates said so in their evidence."""
        if sbom:
            yield from inputs.components(sbom)
        if closure := _kept(store, "dependencies", "closure.json"):
            yield from inputs.locks(self.root, closure)
        if states := _kept(store, "vulnerabilities", "states.json"):
            yield from inputs.advisories(states)


def stated(listed: Inputs, signer: Signer | None, report: bytes, store: Store) -> dict[str, bytes]:
    """Return the statements over a report, and keep what they rest on; raises GateError."""
    store.keep(provenance.RUN, provenance.INPUTS, inputs.dump(listed))
    seal = signer.seal if signer is not None else bytes
    return provenance.render(documents.load(report), report, listed, seal)


def prepare(plan: Plan, environment: Mapping[str, str], tree: Mapping[str, str], store: Store) -> Attestation:
    """Return what can be said before the verdict; raises GateError.

    `tree` holds the digests of the judged files by path, as they were when the run began.
    """
    root, settings = plan.request.root, plan.settings.get(GATE)
    own = settings if isinstance(settings, ProvenanceSettings) else None
    patterns = own.distributions if own is not None else _patterns(plan.project.gates.get(GATE, {}))
    key = own.public_key if own is not None else ""
    return Attestation(
        root=root,
        origin=_origin(plan, environment, tree),
        built=tuple(artefacts.subject(root, path) for path in artefacts.found(root, patterns)),
        signer=Signer.load(plan.signing_key, key) if plan.signing_key is not None and key else None,
        doubts=tuple(artefacts.changed(root, _seen(store))),
    )


def manifest(tree: Mapping[str, str]) -> str:
    """Return the SHA-256 of the list of the judged files: what is not committed has no other name."""
    listed = "".join(f"{digest}  {path}\n" for path, digest in sorted(tree.items()))
    return hashlib.sha256(listed.encode()).hexdigest()


def is_due(plan: Plan) -> bool:
    """Tell whether the level of a run attests anything."""
    return plan.level >= provenance.FROM_LEVEL


def _patterns(table: Mapping[str, Option]) -> tuple[str, ...]:
    """Return the project's own patterns at a level that has no gate to check them."""
    given = table.get("distributions", list(artefacts.DEFAULT))
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise GateError(
            "pyproject.toml: [tool.failhard.provenance] distributions: must be a list of patterns"
        )
    return tuple(map(str, given))


def _seen(store: Store) -> tuple[Subject, ...]:
    """Return what the gate saw of the built distributions, nothing where it did not look."""
    data = _kept(store, GATE, SUBJECTS)
    return tuple(Subject(**each) for each in json.loads(data)) if data else ()


def _kept(store: Store, gate: str, name: str) -> bytes:
    """Return the evidence of a gate, nothing where it kept none of this name."""
    path = store.staging.folder / gate / name
    return path.read_bytes() if path.is_file() else b""


def _origin(plan: Plan, environment: Mapping[str, str], tree: Mapping[str, str]) -> Origin:
    return origin.of(
        environment,
        remote=_git(plan.request.root, "config", "--get", "remote.origin.url"),
        ref=_git(plan.request.root, "symbolic-ref", "--quiet", "HEAD"),
        commit=plan.facts.commit,
        is_clean=not plan.facts.dirty,
        manifest=manifest(tree),
    )


def _git(root: Path, *arguments: str) -> str:
    """Return what git says, nothing where it knows no answer."""
    completed = proc.git(root, *arguments)
    return completed.stdout.decode("utf-8", "replace").strip() if completed.returncode == 0 else ""
