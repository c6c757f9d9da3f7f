"""The live line: what it says, and that only a person at a terminal gets one."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_failhard.cli import check
from pytest_failhard.model import Flow
from pytest_failhard.progress import Progress, is_live
from tests.terminals import LINE, left_over, on_a_terminal


@dataclass
class Clock:
    """A clock that stands still until it is told."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def shown(stream: io.StringIO) -> str:
    return left_over(stream.getvalue())


def test_the_line_says_what_runs_and_how_much_is_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream=stream, live=True, clock=clock)
    progress.submit(4)
    progress.reuse(1)
    progress.begin("the tests", 3600.0, is_gate=False)
    progress.begin("lint", 60.0)
    clock.now += 12.4
    progress.begin("types", 120.0)
    clock.now += 0.05
    assert progress.tick() is False
    assert shown(stream).endswith("12 s | the tests 12/3600 s | lint 12/60 s | types 0/120 s")
    progress.end("lint")
    clock.now += 7.0
    assert progress.tick() is False
    assert shown(stream) == (
        "failhard 50 %: 2 of 4 gates, 2 to go, 19 s | the tests 19/3600 s | types 7/120 s"
    )
    progress.say("gate types has used 95 % of its 120 seconds")
    said, _, line = shown(stream).rpartition("\n")
    assert said == "failhard: gate types has used 95 % of its 120 seconds"
    assert line.startswith("failhard 50 %")
    progress.end("the tests")
    progress.end("types")
    progress.clear()
    assert shown(stream) == f"{said}\n"
    drawn = stream.getvalue()
    progress.clear()
    assert stream.getvalue() == drawn
    progress.draw()
    drawn = stream.getvalue()
    progress.draw()
    assert stream.getvalue() == drawn


def test_what_is_no_gate_is_not_counted_and_the_most_at_once_is_kept() -> None:
    progress = Progress()
    progress.submit(3)
    progress.begin("the tests", 60.0, is_gate=False)
    for name in ("lint", "types"):
        progress.begin(name, 60.0)
    progress.end("lint")
    progress.end("the tests")
    progress.end("never begun")
    assert progress.flow(2) == Flow(submitted=3, completed=1, in_flight=("types",), peak=2, allowed=2)
    progress.say("nobody hears this")
    assert progress.text().startswith("failhard 33 %: 1 of 3 gates, 2 to go")


def test_a_line_without_gates_is_no_division_by_zero() -> None:
    assert Progress().text().startswith("failhard 0 %: 0 of 0 gates")


def test_a_narrow_terminal_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    stream = io.StringIO()
    Progress(stream=stream, live=True).begin("lint", 60.0)
    assert shown(stream) == "failhard 0 %: 0 of"


def test_without_a_terminal_only_warnings_are_printed() -> None:
    stream = io.StringIO()
    progress = Progress(stream=stream)
    progress.begin("lint", 60.0)
    assert progress.tick() is False
    progress.say("gate lint has used 95 % of its 60 seconds")
    progress.end("lint")
    progress.clear()
    assert stream.getvalue() == "failhard: gate lint has used 95 % of its 60 seconds\n"


@pytest.mark.parametrize(
    ("environ", "live"),
    [
        ({}, True),
        ({"CI": "", "TERM": "xterm"}, True),
        ({"CI": "false"}, True),
        ({"CI": "true"}, False),
        ({"CI": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_a_terminal_under_ci_is_no_person(environ: Mapping[str, str], live: bool) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w") as terminal:
        assert is_live((terminal,), environ) is live
        assert not is_live((terminal, io.StringIO()), environ)


def test_a_person_sees_the_gates_go_by_and_then_the_report_alone(shop: Path) -> None:
    argv = [sys.executable, "-I", "-m", "pytest_failhard", "check", "--level=1", "--only=lint,secrets"]
    code, written = on_a_terminal(argv, shop)
    assert code == 0, written
    lines = re.findall(LINE, written)
    assert any("2 of 2 gates, 0 to go" in line for line in lines), written
    assert any(re.search(r"\| secrets \d+/\d+ s", line) for line in lines), written
    # Taken away at the end: nothing of it is left before the report.
    assert "to go" not in left_over(written), left_over(written)
    assert "failhard: pass" in left_over(written)


@pytest.mark.parametrize(("form", "live"), [("text", True), ("agent", False), ("github", False)])
def test_nothing_is_drawn_for_a_program(form: str, live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w") as terminal:
        assert check.progress(form, (terminal, terminal)).live is live
        assert not check.progress(form, (io.StringIO(), terminal)).live
