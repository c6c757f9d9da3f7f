"""Lets the gate decide, live, about projects that are slower or not; beside it the stored comparison."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.performance_gate import calibrate, decided, page, project, through_gate
from benchmarks.performance_gate.decided import GATE, STORED, Decided, Run
from benchmarks.performance_gate.machine import described, sentence
from benchmarks.performance_gate.noise import neighbours
from benchmarks.performance_gate.recorded import NOISES, NOISY, lines, mend
from benchmarks.performance_gate.stored import Storage, StoredError
from benchmarks.performance_gate.workloads import SIX, WORKLOADS
from pytest_failhard.model import GateError

DECISIONS: Mapping[int, int] = {0: 155, 5: 50, 20: 77, 30: 50}
"""How many are wanted of each level, quiet and noisy each."""
STORED_EVERY = 4
RENEWED_SECONDS = 300
"""Stored times are so old at most: they are to be better than those of another day."""
CHECKED_ROUNDS = 60
ERROR_LENGTH = 300
Cell = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How many decisions are wanted of each cell (noise, level), over which workloads."""

    cells: Mapping[Cell, int]
    workloads: Sequence[str]
    stored_every: int = STORED_EVERY

    def next(self, runs: Sequence[Run]) -> Cell | None:
        """Return the cell that lacks most of what is wanted of it, None where nothing is lacking."""
        done = Counter[Cell]()
        for run in runs:
            done[run.noise, run.level] += len(run.decisions) if run.tool == GATE else 0
        open_cells = [cell for cell, wanted in self.cells.items() if done[cell] < wanted]
        return min(open_cells, key=lambda cell: done[cell] / self.cells[cell], default=None)


@dataclass
class Session:
    """Makes projects, has them judged, and appends what comes of it to a file."""

    path: Path
    folder: Path
    units: project.Units
    runs: list[Run] = field(default_factory=list)
    _saved: dict[str, float] = field(default_factory=dict)

    def one(self, cell: Cell, *, stored: bool) -> None:
        """Let the gate decide about one project, and if wanted the stored comparison too."""
        noise, level = cell
        made = project.write(self.folder / "project", self.units, level)
        with neighbours(noise == NOISY, seed=len(self.runs)):
            self._add(cell, GATE, lambda: self._gate(made))
            if stored:
                self._add(cell, STORED, lambda: self._stored(noise, made))

    def _add(self, cell: Cell, tool: str, judge: Callable[[], tuple[Decided, ...]]) -> None:
        began = time.monotonic()
        decisions: tuple[Decided, ...] = ()
        error = ""
        try:
            decisions = judge()
        except (GateError, StoredError) as raised:
            error = f"{type(raised).__name__}: {raised}"[:ERROR_LENGTH]
        run = Run(
            tool=tool,
            noise=cell[0],
            level=cell[1],
            load=round(os.getloadavg()[0], 1),
            seconds=round(time.monotonic() - began, 2),
            decisions=decisions,
            error=error,
        )
        self.runs.append(run)
        with self.path.open("a", encoding="utf-8") as output:
            output.write(run.line())

    def _gate(self, made: project.Project) -> tuple[Decided, ...]:
        return decided.of_gate(through_gate.judge(made, seed=len(self.runs)))

    def _stored(self, noise: str, made: project.Project) -> tuple[Decided, ...]:
        storage = Storage(folder=self.folder / f"stored-{noise}")
        if time.monotonic() - self._saved.get(noise, -RENEWED_SECONDS) >= RENEWED_SECONDS:
            storage.save(project.write(self.folder / "base", self.units, 0).root)
            self._saved[noise] = time.monotonic()
        slower = storage.regressed(made.root)
        states = {True: decided.SLOWER, False: decided.NOT_SLOWER}
        return tuple(Decided(workload=name, state=states[name in slower]) for name in self.units)


def run(path: Path, wish: Wish, *, until: float) -> list[Run]:
    """Append runs until nothing is lacking or the time is over; return all that the file has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mend(path)
    units = {name: calibrate.stored()[name] for name in wish.workloads}
    head = {"machine": described(), "achieved": _achieved(units, sorted({level for _, level in wish.cells}))}
    with path.open("a", encoding="utf-8") as output:
        output.write(json.dumps(head) + "\n")
    with tempfile.TemporaryDirectory(prefix="rates-") as folder:
        session = Session(path=path, folder=Path(folder), units=units, runs=decided.read(path)[2])
        while time.monotonic() < until and (cell := wish.next(session.runs)) is not None:
            ours = sum(run.tool == GATE for run in session.runs)
            session.one(cell, stored=bool(wish.stored_every) and ours % wish.stored_every == 0)
    return session.runs


def _achieved(units: project.Units, levels: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return how much slower each level is, measured now."""
    found = {}
    for name, known in units.items():
        slower = {level: known[level] for level in levels if level}
        ratios = calibrate.ratios(WORKLOADS[name], slower, CHECKED_ROUNDS) if slower else {}
        found[name] = {str(level): round(ratio, 4) for level, ratio in ratios.items()}
    return found


def options() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25, help="no project is begun later")
    parser.add_argument("--decisions", type=int, help=f"of each level and noise; otherwise {dict(DECISIONS)}")
    parser.add_argument("--levels", default=",".join(map(str, DECISIONS)), help="percent slower")
    parser.add_argument("--noise", choices=(*NOISES, "both"), default="both")
    parser.add_argument("--workloads", default=",".join((*SIX, "wait")), help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--stored-every", type=int, default=STORED_EVERY, help="projects; 0 for never")
    parser.add_argument("--output", type=Path, required=True, help="a file of lines; what it holds stays")
    parser.add_argument(
        "--keep", action="store_true", help=f"copy the file to {decided.KEPT.name} at the end"
    )
    return parser.parse_args()


def wish_of(asked: argparse.Namespace) -> Wish:
    """Return what is wanted."""
    noises = NOISES if asked.noise == "both" else (asked.noise,)
    levels = [int(level) for level in asked.levels.split(",")]
    return Wish(
        cells={
            (noise, level): asked.decisions or DECISIONS.get(level, 50)
            for level in levels
            for noise in noises
        },
        workloads=asked.workloads.split(","),
        stored_every=asked.stored_every,
    )


def main() -> None:
    """Decide, and print what was decided."""
    asked = options()
    sys.stdout.write(f"{sentence(described())}\n")
    run(asked.output, wish_of(asked), until=time.monotonic() + asked.minutes * 60)
    sys.stdout.write(page.of_protocol(asked.output))
    if asked.keep:
        text = "".join(f"{line}\n" for line in lines(asked.output))
        decided.KEPT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
