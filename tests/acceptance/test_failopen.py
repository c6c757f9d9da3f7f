"""The fail-open list: in every situation that fools other gates, ours says fail or error, or refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import cases_performance, cases_tools
from tests.acceptance.case import Case
from tests.acceptance.cases import CASES
from tests.acceptance.conftest import Environment
from tests.acceptance.harness import Ask, Mode, apart, check_agreement, run
from tests.acceptance.keeping import Record
from tests.acceptance.project import write
from tests.size import FULL, modes
from tests.support import demanded

MEASURED = frozenset(f"FO-{number}" for number in (16, 40, 72, 88, 96, 104, 128, 136))
"""The cases that are part of the coverage of ours: the others run the same lines."""
TWINS = {"FO-01", "FO-49"}
GREEN = {2: Ask(level=2), 3: Ask(level=3)}


def _runs() -> Iterator[object]:
    """Yield what is run: in the CI size each id once, in the full size every mode, variant and `-n 2`."""
    for case in CASES:
        if case.name and not FULL:
            continue
        for mode in case.modes():
            yield pytest.param(case, mode, id=f"{case.label}-{mode.value}")
            if FULL and case.workers:
                ask = dataclasses.replace(case.ask, tests=(*case.ask.tests, "-n", "2"))
                spread = dataclasses.replace(case, ask=ask, author_code=case.spread_code)
                yield pytest.param(spread, mode, id=f"{case.label}-{mode.value}-n2")


def _twins() -> Iterator[object]:
    for case in CASES:
        # A twin differs from the green project by little: in the CI size some are run.
        if case.twin is not None and (FULL or (not case.name and case.id in TWINS)):
            for mode in case.modes():
                yield pytest.param(case, mode, id=f"{case.label}-{mode.value}")


def _greens() -> Iterator[object]:
    for level, ask in GREEN.items():
        # In the size of CI: tests/test_bad_input.py, where a folder has an odd name.
        if level == 2 and not FULL:
            continue
        for mode in modes(Mode.AUTHOR):
            yield pytest.param(ask, mode, level, id=f"level {level}-{mode.value}")
            if FULL:
                spread = dataclasses.replace(ask, tests=("-n", "2"))
                yield pytest.param(spread, mode, level, id=f"level {level}-{mode.value}-n2")


def _scripted() -> Iterator[tuple[tuple[str, ...], str, int, Mode]]:
    """Yield tools, their gates, a level and a mode: in the CI size all tools in one run."""
    for mode in modes(Mode.SUPERVISED):
        yield ("ruff", "mypy", "bandit"), "lint,types,security", 2, mode
        if FULL:
            yield from ((("ruff",), "lint", 1, mode), (("mypy",), "types", 1, mode))
            yield ("bandit",), "security", 2, mode


@pytest.mark.parametrize(("case", "mode"), list(_runs()))
def test_case(case: Case, mode: Mode, project: Path, interpreter: Environment, record: Record) -> None:
    row = record.case(case, mode)
    case.change_project(project)
    executable = interpreter(case.tool, case.fault)
    ask = case.ask if case.id in MEASURED else apart(case.ask)
    case.check(row.said(run(mode, project, ask, executable), case.phrases.get(mode, case.phrase)))


@pytest.mark.parametrize(("case", "mode"), list(_twins()))
def test_green_twin(case: Case, mode: Mode, project: Path, record: Record) -> None:
    assert case.twin is not None
    row = record.twin(case, mode)
    write(project, case.twin)
    case.twin_change(project)
    outcome = row.said(run(mode, project, apart(case.plain_ask)))
    assert outcome.code == 0, str(outcome)
    assert outcome.gate(case.gate)["verdict"] == "pass", str(outcome)
    check_agreement(outcome)


@pytest.mark.parametrize(("ask", "mode", "level"), list(_greens()))
def test_green_project_passes_every_gate(ask: Ask, mode: Mode, level: int, project: Path) -> None:
    if level >= 3:
        cases_performance.with_benchmark(project)
    outcome = run(mode, project, apart(ask))
    assert outcome.code == 0, str(outcome)
    for name in demanded(level):
        gate = outcome.gate(name)
        assert (gate["verdict"], gate["findings"]) == ("pass", []), str(outcome)
        assert gate["examined"] > 0, str(outcome)
    assert outcome.report is not None
    assert outcome.report["complete"]
    check_agreement(outcome)


@pytest.mark.parametrize(("tools", "gates", "level", "mode"), list(_scripted()))
def test_scripted_tools_that_do_their_work_pass(
    tools: tuple[str, ...], gates: str, level: int, mode: Mode, project: Path, interpreter: Environment
) -> None:
    (executable,) = {interpreter(tool, {"kind": "none"}) for tool in tools}
    outcome = run(mode, project, apart(Ask(only=gates, level=level)), executable)
    assert outcome.code == 0, str(outcome)
    told = {gate: outcome.gate(gate)["tool"] for gate in gates.split(",")}
    assert all(" 99.0" in tool for tool in told.values()), told
    check_agreement(outcome)


@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_foreign_gate_that_does_its_work_passes(mode: Mode, project: Path, interpreter: Environment) -> None:
    write(project, cases_tools.PROBE_POLICY)
    outcome = run(mode, project, apart(cases_tools.PROBE), interpreter("gate", {"kind": "none"}))
    assert outcome.code == 0, str(outcome)
    check_agreement(outcome)
