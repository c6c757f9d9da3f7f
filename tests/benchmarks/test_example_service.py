"""Tests of what is kept and told of the example service: no run of it, which takes a minute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.performance_gate import handler_plugin
from benchmarks.performance_gate.example_service import HANDLER, Planted, Run, plant, read, told, write
from benchmarks.performance_gate.machine import described
from tests.support import write as written

RIGHT = Run(planted=False, verdict="pass", because="", ratio=1.01, pairs=4, seconds=41.2, load=0.5)
FOUND = replace(RIGHT, planted=True, verdict="fail", ratio=1.21, pairs=9, seconds=60.0)
UNDECIDED = replace(FOUND, verdict="error", because="undecided: it", ratio=None, pairs=0)


def test_what_is_kept_is_read_and_told(tmp_path: Path) -> None:
    runs, planted = [RIGHT, FOUND, UNDECIDED], Planted(units=2000, achieved=1.2)
    path = tmp_path / "kept.jsonl"

    write(path, described(), planted, runs)

    assert read(path) == (described(), planted, runs)
    text = told(path)
    assert "With 2000 units of work planted, the handler's benchmark took 1.200 times as long" in text
    assert (
        "* as fast as before: pass in 1 of 1 runs, 41 to 41 s a run, measured ratio 1.010 to 1.010." in text
    )
    assert "fail in 1 of 2 runs (otherwise error), 60 to 60 s a run, measured ratio 1.210 to 1.210." in text


def test_a_run_is_told_in_a_line_with_the_reason_where_it_is_wrong() -> None:
    assert FOUND.line() == "20 % more work in the handler: fail, ratio 1.210 after 9 pairs, 60 s, load 0.5\n"
    assert UNDECIDED.line().endswith(": error, not compared, 60 s, load 0.5: undecided: it\n")


def test_work_is_planted_once_and_taken_away(tmp_path: Path) -> None:
    before = f"    def show(self):\n{HANDLER}"
    app = written(tmp_path, {"triage/app.py": before}) / "triage" / "app.py"

    for units in (100, 2000):
        plant(tmp_path, units)

    assert app.read_text().count("number * number") == app.read_text().count("range(2000)") == 1
    plant(tmp_path, 0)
    assert app.read_text() == before


def test_more_work_takes_more_processor_time() -> None:
    many = handler_plugin.ratio(lambda: handler_plugin.work(400), lambda: handler_plugin.work(20))

    assert many > 1
