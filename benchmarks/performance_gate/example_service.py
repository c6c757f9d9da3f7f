"""Judges the example service end to end: unchanged in speed, and with 20 % more work planted in a handler."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.performance_gate.machine import described, sentence
from tools.demo import prepare

HANDLER = "        return jsonify(self._store.get(str(identity)).model_dump()), 200\n"
PLANTED = "        sum(number * number for number in range({units}))\n"
SLOWED = "test_a_ticket_is_read_back"
FIRST_UNITS = 2000
WANTED = 0.20
CODES = {0: "pass", 1: "fail", 3: "error"}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of `failhard check`: its verdict, the ratio of the handler's benchmark, seconds."""

    verdict: str
    ratio: float
    seconds: float


def check(project: Path) -> Run:
    """Judge the project by the gate alone."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest_failhard", "check", str(project), "--level", "3"]
    done = subprocess.run(
        [*command, "--only", "performance"], capture_output=True, text=True, check=False, cwd=project
    )
    seconds = time.monotonic() - began
    decisions = project / ".failhard" / "evidence" / "performance" / "decisions.json"
    found = json.loads(decisions.read_text("utf-8"))["decisions"] if decisions.exists() else []
    ratios = [each["ratio"] for each in found if SLOWED in each["benchmark"] and each["purpose"] == "measure"]
    return Run(
        verdict=CODES.get(done.returncode, f"exit {done.returncode}: {done.stderr[-300:]}"),
        ratio=float(ratios[0]) if ratios else float("nan"),
        seconds=seconds,
    )


def plant(project: Path, units: int) -> None:
    """Have the handler do so much more, uncommitted."""
    app = project / "triage" / "app.py"
    lines = app.read_text("utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if "number * number" not in line)
    slowed = PLANTED.format(units=units) + HANDLER
    app.write_text(text.replace(HANDLER, slowed), "utf-8")


def calibrated(project: Path) -> tuple[int, list[Run]]:
    """Return so many units as make the handler slower by what is wanted, and the runs that showed it."""
    units, runs = FIRST_UNITS, list[Run]()
    for _ in range(2):
        plant(project, units)
        runs.append(check(project))
        units = round(units * WANTED / (runs[-1].ratio - 1))
    return units, runs


def told(name: str, runs: list[Run], wanted: str) -> str:
    """Return a line about runs of one kind."""
    right = sum(run.verdict == wanted for run in runs)
    ratios = ", ".join(f"{run.ratio:.3f}" for run in runs)
    seconds = sorted(run.seconds for run in runs)
    others = sorted({run.verdict for run in runs} - {wanted})
    return (
        f"{name}: {wanted} {right} of {len(runs)}{' ' + str(others) if others else ''}, "
        f"{seconds[0]:.0f} to {seconds[-1]:.0f} s a run, ratios of the handler's benchmark: {ratios}\n"
    )


def main() -> None:
    """Print how often each is judged right; each line goes out as soon as it is known."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    asked = parser.parse_args()
    project = prepare("triage_service")
    sys.stdout.write(f"{sentence(described())}\n\n")
    sys.stdout.write(told("as fast as before", [check(project) for _ in range(asked.runs)], "pass"))
    units, _ = calibrated(project)
    plant(project, units)
    runs = [check(project) for _ in range(asked.runs)]
    sys.stdout.write(told("20 % more in a handler", runs, "fail"))


if __name__ == "__main__":
    main()
