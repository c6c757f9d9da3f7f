"""What the gate `provenance` sees: what was built, and who attests it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from pytest_failhard.distributions.attest import artefacts, workflow
from pytest_failhard.distributions.attest.artefacts import Built
from pytest_failhard.distributions.attest.dsse import Signer
from pytest_failhard.distributions.attest.statement import PROVENANCE, Subject
from pytest_failhard.distributions.supply import Supply, supply
from pytest_failhard.gates.provenance import SUBJECTS
from pytest_failhard.gates.provenance.settings import ProvenanceSettings
from pytest_failhard.model import Finding, GateError, Observation, Run, Severity

SIGNED, UNSIGNED = "signed by the policy's key", "unsigned"


def observe(run: Run, settings: ProvenanceSettings) -> Observation:
    """Return what the gate `provenance` sees; raises GateError where it could not look."""
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
