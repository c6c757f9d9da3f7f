"""Provenance: what was built is built from this tree, named by its digest, and attested by somebody.

Why:
    A green report says nothing of the wheel that is shipped: it may be of last week, of another branch,
    or changed afterwards. A statement that names tree, wheel and dependencies by their digests ties them
    together; a signature says who stands behind it.

Fails when:
    A built distribution bears another name or version than the project (`foreign-artifact`), holds a
    module that the tree has otherwise (`stale-artifact`), or has other bytes after it was written down
    than before (`digest-mismatch`); the tree has changes, or no commit (`dirty-tree`); a member of the
    runtime closure has no digest (`undigested-dependency`); or `attestable` is 0: neither a key of the
    policy signs the statements, nor does a workflow of the merge base attest them after the gate, with
    its actions pinned by commit and its permissions `id-token: write`, `attestations: write` and
    `contents: read` alone (`not-attestable` says of each workflow what it lacks). No built distribution
    at all is an error.

Fix:
    Build from the committed tree as the last step before the gate (`python -m build`), lock with hashes,
    and let a workflow attest. Unsigned statements are level 1 of SLSA at the very most.

Waive:
    By finding, with a reason that names who rebuilds or pins and when; `digest-mismatch` never.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from pytest_failhard.distributions.attest import artefacts, workflow
from pytest_failhard.distributions.attest.artefacts import Built
from pytest_failhard.distributions.attest.dsse import Signer
from pytest_failhard.distributions.attest.statement import PROVENANCE, Subject
from pytest_failhard.distributions.supply import Supply, supply
from pytest_failhard.model import Finding, GateError, Observation, Run, Settings, Severity

SUBJECTS = "subjects.json"
SIGNED, UNSIGNED = "signed by the policy's key", "unsigned"


@dataclass(frozen=True, kw_only=True)
class ProvenanceSettings(Settings):
    """What was built, and who may attest it."""

    distributions: list[str] = field(default_factory=lambda: list(artefacts.DEFAULT))
    """Patterns of the built wheels and sdists, relative to the root."""
    public_key: str = ""
    """The Ed25519 key in PEM that the statements are signed with; empty where a workflow attests."""
    trusted_workflows: list[str] = field(default_factory=list)
    """Reusable workflows of other repositories that attest: `owner/name/.github/workflows/file.yml`."""


class ProvenanceGate:
    """Observes what was built, and who attests it."""

    id = "provenance"
    settings: type[Settings] = ProvenanceSettings

    def observe(self, run: Run) -> Observation:
        """Hold what was built against the tree; raises GateError where nothing was built."""
        settings = run.settings
        if not isinstance(settings, ProvenanceSettings):
            raise GateError(f"provenance: settings are {type(settings).__name__}, not ProvenanceSettings")
        paths = artefacts.found(run.root, settings.distributions)
        if not paths:
            raise GateError(
                f"no wheel and no sdist matches {', '.join(settings.distributions)}: build them before the "
                "gate (`python -m build`), or name them in [tool.failhard.provenance] distributions"
            )
        supplied = supply(run)
        built = [artefacts.read(run.root, path) for path in paths]
        subjects = tuple(each.subject for each in built)
        run.keep(SUBJECTS, (json.dumps([asdict(each) for each in subjects], indent=1) + "\n").encode())
        signed = _signs(run, settings)
        lacking = () if signed else tuple(_lacking(run, settings.trusted_workflows))
        undigested = tuple(_undigested(supplied))
        # Last: whoever changes a file while we look must not be overlooked.
        mismatched = tuple(_mismatched(run.root, subjects))
        findings = (*_foreign(run, supplied, built), *_stale(run, built), *_dirty(run), *undigested)
        return Observation(
            tool=f"{PROVENANCE}, {SIGNED if signed else UNSIGNED}",
            examined=len(subjects),
            findings=tuple(sorted((*findings, *mismatched, *(each for each in lacking if each is not None)))),
            measures={
                "subjects": len(subjects),
                "mismatched": len(mismatched),
                "undigested": len(undigested),
                "signed": int(signed),
                "attestable": int(signed or None in lacking),
            },
        )


def _signs(run: Run, settings: ProvenanceSettings) -> bool:
    """Tell whether a key signs; raises GateError for one that is not the policy's."""
    if run.signing_key is None:
        return False
    Signer.load(run.signing_key, settings.public_key)
    return True


def _foreign(run: Run, supplied: Supply, built: Sequence[Built]) -> Iterator[Finding]:
    project = supplied.declared.project
    name, version = project.name or run.facts.name, project.version or run.facts.version
    if not version:
        raise GateError("the project states no version: give `[project]` one, or install the project first")
    for each in built:
        if each.name != name or not artefacts.is_version(each.version, version):
            yield _finding(
                "foreign-artifact",
                each.subject.path,
                f"is {each.name} {each.version}, and the project is {name} {version}",
                "remove it, or build it again",
            )


def _stale(run: Run, built: Sequence[Built]) -> Iterator[Finding]:
    for each in built:
        for path in artefacts.stale(run.root, run.source, each):
            yield _finding(
                "stale-artifact",
                each.subject.path,
                f"its {path} is not that of the tree",
                "build it again from this tree",
                anchor=path,
            )


def _dirty(run: Run) -> Iterator[Finding]:
    if not run.facts.commit:
        yield _finding("dirty-tree", "", "the tree is of no commit", "commit it with git")
    elif run.facts.dirty:
        yield _finding(
            "dirty-tree",
            "",
            "the tree holds what is not committed, so no commit names what was built",
            "commit it, or let git ignore what is built",
        )


def _undigested(supplied: Supply) -> Iterator[Finding]:
    own = supplied.declared.project.name
    for name, member in sorted(supplied.closure.nodes.items()):
        artefact = supplied.artefacts[name]
        if name != own and not (artefact.sha256 or artefact.candidates):
            chain = " -> ".join(supplied.closure.chain(name))
            yield _finding(
                "undigested-dependency",
                "",
                f"no lock says the SHA-256 of {name} {member.version} ({chain})",
                "lock it with its hashes",
                anchor=name,
            )


def _mismatched(root: Path, subjects: Sequence[Subject]) -> Iterator[Finding]:
    for each in subjects:
        for problem in artefacts.changed(root, (each,)):
            yield Finding(
                rule="digest-mismatch",
                name="digest-mismatch",
                path=each.path,
                line=0,
                severity=Severity.HIGH,
                message=problem.removeprefix("digest-mismatch: "),
                fix="find out who changed it, and build it again",
                anchor=each.name,
            )


def _lacking(run: Run, trusted: Sequence[str]) -> Iterator[Finding | None]:
    """Yield what each workflow lacks to attest, None for one that does.

    A workflow counts as it is at the merge base, where a change cannot approve itself, and as it is in
    the tree, where a change may have taken the steps out.
    """
    if run.base is None:
        yield _not_attestable("", f"no workflow can be read from a merge base: {run.base_missing}")
        return
    folder = run.root / workflow.FOLDER
    names = sorted(path.name for path in folder.glob("*.y*ml")) if folder.is_dir() else []
    paths = [PurePosixPath(workflow.FOLDER, name).as_posix() for name in names]
    here = {path: workflow.parse(path, (run.root / path).read_bytes()) for path in paths}
    before = {path: workflow.parse(path, data) for path in paths if (data := run.base.read(path)) is not None}
    if not paths:
        yield _not_attestable("", f"no key signs, and there is no workflow in {workflow.FOLDER}")
    for path in paths:
        if path not in before:
            yield _not_attestable(path, "is not at the merge base yet: it counts once it is merged")
            continue
        problems = (
            *workflow.attests(before[path], before, trusted),
            *workflow.attests(here[path], here, trusted),
        )
        unique = tuple(dict.fromkeys(problems))
        yield _not_attestable(path, "; ".join(unique)) if unique else None


def _not_attestable(path: str, message: str) -> Finding:
    # Low: the measure decides, this says why.
    return Finding(
        rule="not-attestable",
        name="not-attestable",
        path=path,
        line=0,
        severity=Severity.LOW,
        message=message,
        fix="attest in a workflow after the gate, or sign with a key of the policy",
    )


def _finding(name: str, path: str, message: str, fix: str, anchor: str = "") -> Finding:
    return Finding(
        rule=name,
        name=name,
        path=path,
        line=0,
        severity=Severity.MEDIUM,
        message=message,
        fix=fix,
        anchor=anchor or name,
    )
