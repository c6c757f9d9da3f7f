"""Judges the example service end to end: unchanged in speed, and with 20 % more work planted in a handler."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.performance_gate import handler_plugin
from benchmarks.performance_gate.machine import described, sentence
from tools.demo import ROOT, prepare

KEPT = Path(__file__).parent / "results" / "example_service.jsonl"
HANDLER = "        return jsonify(self._store.get(str(identity)).model_dump()), 200\n"
PLANTED = "        sum(number * number for number in range({units}))\n"
SLOWED = "test_a_ticket_is_read_back"
WANTED = 0.20
PROCESSES = 5
"""One process differs from the next in what a call costs."""
EVIDENCE = Path(".failhard", "evidence", "performance", "decisions.json")
REPORT = Path(".failhard", "report.json")
CODES = {0: "pass", 1: "fail", 3: "error"}
RIGHT = {False: "pass", True: "fail"}
NAMES = {False: "as fast as before", True: "20 % more work in the handler"}


class CalibrationError(Exception):
    """The handler's test could not be timed."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of `failhard check`, of a `planted` slowdown or of none.

    `ratio` and `pairs` are those of the handler's benchmark, None and 0 where it was not compared.
    """

    planted: bool
    verdict: str
    because: str
    ratio: float | None
    pairs: int
    seconds: float
    load: float

    @property
    def is_right(self) -> bool:
        """Tell whether it says what is so."""
        return self.verdict == RIGHT[self.planted]

    def line(self) -> str:
        """Return it for a reader."""
        ratio = "not compared" if self.ratio is None else f"ratio {self.ratio:.3f} after {self.pairs} pairs"
        told = "" if self.is_right else f": {self.because}"
        return (
            f"{NAMES[self.planted]}: {self.verdict}, {ratio}, {self.seconds:.0f} s, load {self.load}{told}\n"
        )


@dataclass(frozen=True, kw_only=True)
class Planted:
    """How much is planted: `units` of work, and the ratio that the handler's test has with them."""

    units: int
    achieved: float


def check(project: Path, *, planted: bool) -> Run:
    """Judge the project by the gate alone."""
    for kept in (EVIDENCE, REPORT):
        (project / kept).unlink(missing_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest_failhard", "check", str(project), "--level", "3"]
    done = subprocess.run(
        [*command, "--only", "performance"], capture_output=True, text=True, check=False, cwd=project
    )
    seconds = time.monotonic() - began
    decided = _handler(project / EVIDENCE)
    ratio = decided.get("ratio")
    return Run(
        planted=planted,
        verdict=CODES.get(done.returncode, f"exit {done.returncode}"),
        because=_because(project / REPORT) or done.stderr[-300:],
        ratio=None if ratio is None else float(str(ratio)),
        pairs=int(str(decided.get("pairs", 0))),
        seconds=round(seconds, 1),
        load=round(os.getloadavg()[0], 1),
    )


def _handler(path: Path) -> Mapping[str, object]:
    found = json.loads(path.read_text("utf-8"))["decisions"] if path.exists() else []
    ours = [each for each in found if SLOWED in each["benchmark"] and each["purpose"] == "measure"]
    return ours[0] if ours else {}


def _because(path: Path) -> str:
    gates = json.loads(path.read_text("utf-8"))["gates"] if path.exists() else []
    return "; ".join(why for gate in gates for why in gate["because"])


def calibrated(project: Path) -> Planted:
    """Return how much to plant, the middle of what some processes say; raises CalibrationError."""
    found = sorted((_timed(project) for _ in range(PROCESSES)), key=lambda each: each.units)
    return found[PROCESSES // 2]


def _timed(project: Path) -> Planted:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "times.json")
        # Kept records of the log would make each call dearer than the one before.
        plugin = ("-p", handler_plugin.__name__, "-p", "no:logging", "-o", "required_plugins=")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *plugin, "-k", SLOWED, "tests/test_performance.py"],
            cwd=project,
            env={
                **os.environ,
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": str(ROOT),
                handler_plugin.OUTPUT: str(output),
                handler_plugin.WANTED: str(WANTED),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not output.exists():
            raise CalibrationError(done.stdout + done.stderr)
        found = json.loads(output.read_text("utf-8"))
    return Planted(units=int(found["units"]), achieved=round(float(found["achieved"]), 3))


def plant(project: Path, units: int) -> None:
    """Have the handler do so much more, uncommitted; nothing more for 0."""
    app = project / "triage" / "app.py"
    lines = app.read_text("utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if "number * number" not in line)
    slowed = (PLANTED.format(units=units) if units else "") + HANDLER
    app.write_text(text.replace(HANDLER, slowed), "utf-8")


def summary(runs: Sequence[Run]) -> str:
    """Return a line for each kind of run that there was."""
    rows = []
    for planted in sorted({run.planted for run in runs}):
        ours = [run for run in runs if run.planted is planted]
        seconds = sorted(run.seconds for run in ours)
        ratios = sorted(run.ratio for run in ours if run.ratio is not None)
        right = sum(run.is_right for run in ours)
        others = ", ".join(sorted({run.verdict for run in ours if not run.is_right}))
        rows.append(
            f"* {NAMES[planted]}: {RIGHT[planted]} in {right} of {len(ours)} runs"
            f"{f' (otherwise {others})' if others else ''}, {seconds[0]:.0f} to {seconds[-1]:.0f} s a run"
            + (f", measured ratio {ratios[0]:.3f} to {ratios[-1]:.3f}" if ratios else "")
            + "."
        )
    return "\n".join(rows) + "\n"


def write(path: Path, machine: Mapping[str, str], planted: Planted, runs: Sequence[Run]) -> None:
    """Write a file that `read` understands."""
    head = {"machine": machine, "planted": asdict(planted)}
    documents = [head, *map(asdict, runs)]
    path.write_text("".join(json.dumps(each) + "\n" for each in documents), "utf-8")


def read(path: Path) -> tuple[dict[str, str], Planted, list[Run]]:
    """Return the machine, what was planted, and the runs."""
    head, *lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return head["machine"], Planted(**head["planted"]), [Run(**line) for line in lines]


def told(path: Path) -> str:
    """Return all that was kept, for a reader."""
    machine, planted, runs = read(path)
    return (
        f"Judged on {sentence(machine)}. With {planted.units} units of work planted, the handler's benchmark "
        f"took {planted.achieved:.3f} times as long when timed directly.\n\n{summary(runs)}"
    )


def main() -> None:
    """Print how each run is judged as soon as it is known, and in the end how often that was right."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="runs of each kind, which take turns")
    parser.add_argument("--keep", action="store_true", help=f"write {KEPT.name}")
    asked = parser.parse_args()
    project = prepare("triage_service")
    machine, planted = described(), calibrated(project)
    sys.stdout.write(f"{sentence(machine)}\n{planted.units} units planted: {planted.achieved:.3f}\n\n")
    runs: list[Run] = []
    for number in range(2 * asked.runs):
        is_planted = bool(number % 2)
        plant(project, planted.units if is_planted else 0)
        runs.append(check(project, planted=is_planted))
        sys.stdout.write(runs[-1].line())
        if asked.keep:
            write(KEPT, machine, planted, runs)
    sys.stdout.write(f"\n{summary(runs)}")


if __name__ == "__main__":
    main()
