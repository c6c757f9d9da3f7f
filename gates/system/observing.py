"""Runs the checks of a level in their order and joins what they saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version

from pytest_failhard.gates.system import declared, installed, routed
from pytest_failhard.gates.system.agreement import agreed
from pytest_failhard.gates.system.seen import Seen, joined
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding, Observation, Run, Severity
from pytest_failhard.system import workcopy
from pytest_failhard.system.declaration import LLM, System

CHECKS: tuple[tuple[str, Callable[[Stage], Seen]], ...] = (
    ("R0", declared.check),
    ("R1", installed.check),
    # What the system serves it says itself, once it is installed.
    ("R0", routed.check),
)
"""Check and what runs it, in the order of a run: what asks much of the machine comes last."""
OF_KIND = {
    "http": frozenset({"R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R11"}),
    "worker": frozenset({"R0", "R1", "R2", "R3", "R4", "R7", "R9", "R11"}),
    "job": frozenset({"R0", "R1", "R2", "R3", "R8", "R9", "R11"}),
    "library": frozenset({"R0", "R1", "R9"}),
}
"""Which checks a kind of system can pass or fail."""


def observe(run: Run, settings: SystemSettings) -> Observation:
    """Run every check that the level names and the kind admits; raises GateError for what cannot be."""
    system, derived = agreed(run, settings)
    stage = Stage(
        run=run,
        settings=settings,
        system=system,
        tree=workcopy.copy(run.root, run.scratch / "tree").folder,
        python=run.interpreter,
        derived=derived,
    )
    wanted = {part.partition("/")[0] for part in (*settings.enforce, *settings.report)}
    seen = joined(check(stage) for name, check in CHECKS if name in wanted & OF_KIND[system.kind])
    return Observation(
        tool=f"pytest-failhard {version('pytest-failhard')}",
        examined=seen.examined,
        findings=tuple(sorted(_weighed(seen.findings, settings))),
        measures=seen.measures,
        traits=traits(system),
        volatile=seen.volatile,
    )


def traits(system: System) -> frozenset[str]:
    """Return what a policy can make a measure depend on: the kind, and what the system has."""
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
