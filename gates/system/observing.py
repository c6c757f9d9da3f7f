"""Runs the checks of a level in their order and joins what they saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version

from pytest_failhard.gates.system import installed, loading, server, starting, stopping
from pytest_failhard.gates.system.model import model
from pytest_failhard.gates.system.seen import Seen, joined
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding, GateError, Observation, Run, Severity
from pytest_failhard.source import pyproject
from pytest_failhard.system import workcopy
from pytest_failhard.system.declaration import LLM, DeclarationError, System, parse
from pytest_failhard.system.provided import provided

CHECKS: tuple[tuple[str, Callable[[Stage], Seen]], ...] = (
    ("R1", installed.check),
    ("R2", starting.check),
    ("R5", server.check),
    ("R7", stopping.check),
    ("R6", loading.check),
    ("R2", starting.untouched),
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
    system = declared(run)
    wanted = {part.partition("/")[0] for part in (*settings.enforce, *settings.report)}
    with (
        provided(run, system, interpreter=run.interpreter) as found,
        model(run, system, _table(run, "llm") or {}) as stand_in,
    ):
        stage = Stage(
            run=run,
            settings=settings,
            system=system,
            tree=workcopy.copy(run.root, run.scratch / "tree").folder,
            python=run.interpreter,
            provided=found,
            model=stand_in,
        )
        seen = joined(check(stage) for name, check in CHECKS if name in wanted & OF_KIND[system.kind])
    return Observation(
        tool=f"pytest-failhard {version('pytest-failhard')}",
        examined=seen.examined,
        findings=tuple(sorted(_weighed(seen.findings, settings))),
        measures=seen.measures,
        traits=traits(system),
        volatile=seen.volatile,
    )


def declared(run: Run) -> System:
    """Return the declared system; raises GateError where there is none, or it cannot be used."""
    table = _table(run, "system")
    if table is None:
        raise GateError("no system is declared: say in pyproject.toml what it is and how it starts")
    try:
        return parse(table)
    except DeclarationError as error:
        raise GateError(str(error)) from None


def _table(run: Run, gate: str) -> dict[str, object] | None:
    """Return what the project says to a gate, None where it says nothing."""
    table: object = pyproject(run.root)
    for name in ("tool", "failhard", gate):
        table = table.get(name) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else None


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
