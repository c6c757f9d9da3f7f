"""Runs the checks of a level in their order and joins what they saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import version

from pytest_failhard.gates.system import (
    bad_input,
    declared,
    health,
    installed,
    leaks,
    loading,
    logs,
    model_failures,
    refusals,
    repeated,
    routed,
    scoring,
    server,
    starting,
    stopping,
)
from pytest_failhard.gates.system.agreement import agreed
from pytest_failhard.gates.system.seen import Seen, joined
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding, Observation, Run, Severity
from pytest_failhard.provider import model
from pytest_failhard.source import pyproject
from pytest_failhard.system import workcopy
from pytest_failhard.system.declaration import LLM, System
from pytest_failhard.system.provided import provided

Check = Callable[[Stage], Seen]
BEFORE: tuple[tuple[str, Check], ...] = (
    ("R0", declared.check),
    ("R1", installed.check),
    # What the system serves it says itself, once it is installed.
    ("R0", routed.check),
)
"""What needs nothing that runs."""
STARTING: tuple[tuple[str, Check], ...] = (("R1", installed.start), ("R2", starting.check))
AFTER: tuple[tuple[str, Check], ...] = (
    ("R3", refusals.check),
    ("R4", health.check),
    ("R5", server.check),
    ("R8", bad_input.check),
    ("R4", model_failures.check),
    ("R7", stopping.check),
    ("R6", repeated.check),
    ("R6", loading.check),
    # What all the others brought out is looked at last.
    ("R9", leaks.check),
    ("R11", logs.check),
    ("R2", starting.untouched),
)
"""Check and what runs it, in the order of a run: what asks much of the machine comes late."""
OF_KIND = {
    "http": frozenset({"R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R11"}),
    "worker": frozenset({"R0", "R1", "R2", "R3", "R4", "R7", "R9", "R11"}),
    "job": frozenset({"R0", "R1", "R2", "R3", "R8", "R9", "R11"}),
    "library": frozenset({"R0", "R1"}),
}
"""Which checks a kind of system can pass or fail; a library says nothing that could hold a secret."""


def observe(run: Run, settings: SystemSettings) -> Observation:
    """Run every check that the level names and the kind admits; raises GateError for what cannot be."""
    system, derived = agreed(run, settings)
    tree = workcopy.copy(run.root, run.scratch / "tree").folder
    stage = Stage(
        run=run, settings=settings, system=system, derived=derived, tree=tree, python=run.interpreter
    )
    # What the start command imports may read where its dependencies are.
    with provided(run, system, interpreter=run.interpreter) as stage.provided:
        seen = [_timed(stage, *each) for each in _wanted(stage, BEFORE)]
        if stage.installed is not None and system.kind != "library":
            seen += _running(stage)
        elif stage.installed is None:
            stage.cut_short = True
    seen.append(scoring.scored(stage, joined(seen)))
    seconds = {f"seconds_{name}": value for name, value in stage.seconds.items()}
    seen.append(Seen(measures=seconds, volatile=frozenset(seconds)))
    whole = joined(seen)
    return Observation(
        tool=f"pytest-failhard {version('pytest-failhard')}",
        examined=whole.examined,
        findings=tuple(sorted(_weighed(whole.findings, settings))),
        measures=whole.measures,
        traits=traits(system),
        volatile=whole.volatile,
        cut_short=stage.cut_short,
    )


def _running(stage: Stage) -> Iterator[Seen]:
    """Run what needs the system, with a model that answers, as far as it becomes ready."""
    run, system = stage.run, stage.system
    with model(run, system, _table(run, "llm")) as stage.model:
        for each in _wanted(stage, STARTING):
            seen = _timed(stage, *each)
            yield seen
            if seen.findings:
                # What cannot be imported is not started, and what does not start is not asked.
                stage.cut_short = True
                return
        for each in _wanted(stage, AFTER):
            yield _timed(stage, *each)


def _wanted(stage: Stage, checks: Iterable[tuple[str, Check]]) -> Iterator[tuple[str, Check]]:
    settings = stage.settings
    parts = {part.partition("/")[0] for part in (*settings.enforce, *settings.report)}
    return (each for each in checks if each[0] in parts & OF_KIND[stage.system.kind])


def _timed(stage: Stage, name: str, check: Check) -> Seen:
    """Run a check, and note how long it took."""
    began = time.monotonic()
    seen = check(stage)
    stage.seconds[name] = stage.seconds.get(name, Fraction(0)) + Fraction(
        round((time.monotonic() - began) * 1000), 1000
    )
    return seen


def _table(run: Run, gate: str) -> dict[str, object]:
    """Return what the project says to a gate."""
    table: object = pyproject(run.root)
    for name in ("tool", "failhard", gate):
        table = table.get(name) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def traits(system: System) -> frozenset[str]:
    """Return what a policy can make a measure depend on: the kind, and what the system has."""
    if system.kind == "library":
        return frozenset({system.kind})
    has = {
        "secrets": bool(system.secrets),
        "dependencies": bool(system.dependencies),
        "routes": bool(system.routes),
        "llm": any(LLM in route.needs for route in system.routes or ()),
    }
    return frozenset({system.kind, *(name for name, held in has.items() if held)})


def _weighed(findings: Iterable[Finding], settings: SystemSettings) -> Iterable[Finding]:
    """Lower what belongs to a check that the level only reports."""
    enforced = {part.partition("/")[0] for part in settings.enforce}
    for finding in findings:
        reported = finding.rule.partition("-")[0] not in enforced
        yield replace(finding, severity=Severity.LOW) if reported else finding
