"""Reads a workflow of GitHub: does it attest what it built, after the gate, with no more than it needs?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pytest_failhard.distributions.attest.statement import at, text
from pytest_failhard.model import Option
from pytest_failhard.source import yaml_text

FOLDER = ".github/workflows"
MOST_BYTES = 256 * 1024
NEEDED: Mapping[str, frozenset[str]] = {
    "id-token": frozenset({"write"}),
    "attestations": frozenset({"write"}),
    "contents": frozenset({"read", "write"}),
}
"""What an attesting job must be allowed, by name: any of the values."""
# The two older actions are shells around the first.
ATTESTS = re.compile(r"actions/attest(?:-build-provenance|-sbom)?@")
PINNED = re.compile(r"[^@]+@[0-9a-f]{40}|\./[^@]+")
GATE = re.compile(r"\bfailhard\s+check\b|--failhard-level\b")
EVEN_SO = re.compile(r"\b(?:always|failure|cancelled)\s*\(")
NEVER = re.compile(r"\s*(?:\$\{\{\s*)?false(?:\s*\}\})?\s*")
OTHER_PREDICATES = ("sbom-path", "predicate", "predicate-path")


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow file. `document` is None where it is no YAML; `problem` then says why."""

    path: str
    document: Option
    problem: str = ""


def parse(path: str, data: bytes) -> Workflow:
    """Return a workflow file, with what stands in the way of reading it."""
    if len(data) > MOST_BYTES:
        return Workflow(path=path, document=None, problem=f"has more than {MOST_BYTES} bytes")
    try:
        return Workflow(path=path, document=cast("Option", yaml_text.value(data.decode())))
    except ValueError as error:
        return Workflow(path=path, document=None, problem=f"is no YAML: {error}")


def attests(workflow: Workflow, others: Mapping[str, Workflow], trusted: Sequence[str]) -> tuple[str, ...]:
    """Say what is missing for this workflow to attest what it built; nothing where it does.

    `others` are the repository's workflows by path, for jobs that call one of them; `trusted` are those
    of other repositories, `owner/name/path`, that are known to attest.
    """
    if workflow.problem:
        return (workflow.problem,)
    if _is_only_called(workflow.document):
        return ("runs only where another workflow calls it",)
    tried = [_job(name, workflow.document, others, trusted) for name in _jobs(workflow.document)]
    problems = [each for each in tried if each is not None]
    if not problems:
        return ("attests nothing: no job uses actions/attest",)
    return min(problems, key=len)


def _job(
    name: str, document: Option, others: Mapping[str, Workflow], trusted: Sequence[str]
) -> tuple[str, ...] | None:
    """Say what is missing for a job to attest; None for a job that does not try."""
    job = _jobs(document)[name]
    called = text(job, "uses")
    if called:
        return _calling(name, job, document, others, trusted)
    if not any(ATTESTS.match(text(step, "uses")) for step in _steps(job)):
        return None
    return (*_permissions(name, job, document), *_steps_of(name, job, document))


def _calling(
    name: str, job: Option, document: Option, others: Mapping[str, Workflow], trusted: Sequence[str]
) -> tuple[str, ...] | None:
    called = text(job, "uses")
    place, _, _ = called.partition("@")
    if place in trusted:
        return (*_permissions(name, job, document), *_unpinned(name, called))
    own = others.get(place.removeprefix("./")) if place.startswith("./") else None
    inner = [each for each in _inner(own) if each is not None] if own is not None else []
    return (*_permissions(name, job, document), *min(inner, key=len)) if inner else None


def _inner(called: Workflow) -> Iterator[tuple[str, ...] | None]:
    for name, job in _jobs(called.document).items():
        if not text(job, "uses"):
            yield _job(name, called.document, {}, ())


def _permissions(name: str, job: Option, document: Option) -> Iterator[str]:
    given = at(job, "permissions")
    if given is None:
        given = at(document, "permissions")
    for permission, values in NEEDED.items():
        if text(given, permission) not in values:
            yield f"job {name}: its permissions lack `{permission}: {min(values)}`"


def _steps_of(name: str, job: Option, document: Option) -> Iterator[str]:
    steps = _steps(job)
    for step in steps:
        yield from _unpinned(name, text(step, "uses"))
    attesting = [index for index, step in enumerate(steps) if ATTESTS.match(text(step, "uses"))]
    if not any(_is_provenance(steps[index]) for index in attesting):
        yield f"job {name}: no step attests the provenance of a subject-path"
    if not any(_is_gate(step) for step in steps[: attesting[0]]) and not _follows_gate(job, document):
        yield f"job {name}: attests before or without the gate (`failhard check`)"
    for each in (job, *(steps[index] for index in attesting)):
        yield from (f"job {name}: {reason}" for reason in _softened(each))


def _unpinned(name: str, used: str) -> Iterator[str]:
    if used and not PINNED.fullmatch(used):
        yield f"job {name}: {used} is not pinned by a full commit id"


def _is_provenance(step: Option) -> bool:
    given = at(step, "with")
    return bool(text(given, "subject-path")) and not any(at(given, name) for name in OTHER_PREDICATES)


def _softened(step: Option) -> Iterator[str]:
    """Say what lets a job or a step be left out, fail, or run after a failure, without consequence."""
    condition = at(step, "if")
    if condition is False or (isinstance(condition, str) and NEVER.fullmatch(condition)):
        yield "attests under a condition that never holds"
    if isinstance(condition, str) and EVEN_SO.search(condition):
        yield f"attests even where the gate failed (`if: {condition}`)"
    if at(step, "continue-on-error") not in {None, False}:
        yield "may fail to attest (`continue-on-error`)"


def _follows_gate(job: Option, document: Option) -> bool:
    """Tell whether a job waits for one that runs the gate, through others or at once."""
    jobs = _jobs(document)
    waiting, seen = _needs(job), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in jobs:
            continue
        seen.add(name)
        if any(map(_is_gate, _steps(jobs[name]))) and at(jobs[name], "continue-on-error") in {None, False}:
            return True
        waiting += _needs(jobs[name])
    return False


def _needs(job: Option) -> list[str]:
    needs = at(job, "needs")
    names = needs if isinstance(needs, list) else [needs]
    return [name for name in names if isinstance(name, str)]


def _is_gate(step: Option) -> bool:
    return bool(GATE.search(text(step, "run"))) and at(step, "continue-on-error") in {None, False}


def _jobs(document: Option) -> Mapping[str, Option]:
    jobs = at(document, "jobs")
    return {str(name): job for name, job in jobs.items()} if isinstance(jobs, dict) else {}


def _steps(job: Option) -> list[Option]:
    steps = at(job, "steps")
    return steps if isinstance(steps, list) else []


def _is_only_called(document: Option) -> bool:
    """Tell whether nothing but another workflow starts it. YAML 1.1 reads the key `on` as true."""
    triggers = next((value for key, value in _pairs(document) if key in {"on", "True"}), None)
    names = triggers if isinstance(triggers, (dict, list)) else [triggers]
    return set(names) == {"workflow_call"}


def _pairs(document: Option) -> Iterator[tuple[str, Option]]:
    if isinstance(document, dict):
        yield from ((str(key), value) for key, value in document.items())
