"""Records pairs of fresh processes that run every level side by side; goes on where it was interrupted."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.performance_gate import calibrate
from benchmarks.performance_gate.machine import described, sentence
from benchmarks.performance_gate.noise import neighbours
from benchmarks.performance_gate.recorded import (
    AGAIN,
    LEVELS,
    NOISES,
    NOISY,
    REFERENCE,
    SAME,
    Calls,
    RawPair,
    Side,
    keep,
    lines,
    mend,
)
from benchmarks.performance_gate.workloads import SIX, WORKLOADS

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = Path(__file__).parent / "results" / "raw.jsonl.gz"
TOGETHER = (AGAIN, "20")
BLOCK = 10
MODULE = "benchmarks.performance_gate.raw_worker"


class WorkerError(Exception):
    """A process ended before it was told to."""


class Worker:
    """One side."""

    def __init__(self, workload: str, units: int, seed: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, workload, str(units)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerError("a process without pipes")
        self._asked, self._told = self._process.stdin, self._process.stdout

    def ask(self, units: int) -> None:
        """Let it make a call."""
        self._asked.write(f"{units}\n")
        self._asked.flush()

    def answer(self) -> list[int]:
        """Wait for what the call took."""
        line = self._told.readline()
        if not line:
            raise WorkerError(f"a process ended with {self._process.wait()}")
        return [int(value) for value in json.loads(line)]

    def call(self, units: int) -> list[int]:
        """Make a call alone."""
        self.ask(units)
        return self.answer()

    def stop(self) -> None:
        """End it."""
        with contextlib.suppress(BrokenPipeError):
            self._asked.close()
        self._told.close()
        self._process.wait()


@dataclass(frozen=True, kw_only=True)
class Step:
    """A pair that is to be recorded."""

    workload: str
    noise: str
    block: int
    number: int


def plan(workloads: Sequence[str], block: int = BLOCK) -> Iterator[Step]:
    """Yield the pairs for ever: blocks of one workload each, the quiet ones of a turn first."""
    numbers = itertools.count()
    for turn in itertools.count():
        for noise in NOISES:
            for workload in workloads:
                number = next(numbers)
                for place in range(block):
                    yield Step(workload=workload, noise=noise, block=number, number=turn * block + place)


def record(step: Step, units: Mapping[int, int], rounds: int) -> RawPair:
    """Run one pair. Every round has all levels in an order of its own, each on both sides in turn."""
    drawn = random.Random(f"{step.workload} {step.noise} {step.number}")  # noqa: S311 - an order, no secret
    by_level = {SAME: units[0], AGAIN: units[0], REFERENCE: 0}
    by_level |= {level: units[int(level)] for level in LEVELS if level != AGAIN}
    workers = [Worker(step.workload, units[0], seed=step.number + 1) for _ in range(2)]
    try:
        for worker in workers:
            worker.answer()
        took = _alternating(workers, by_level, rounds, drawn)
        together = _together(workers, by_level, rounds)
    finally:
        for worker in workers:
            worker.stop()
    return RawPair(
        workload=step.workload,
        noise=step.noise,
        block=step.block,
        number=step.number,
        load=round(os.getloadavg()[0], 1),
        sides=took,
        together=together,
    )


def _alternating(
    workers: Sequence[Worker], by_level: Mapping[str, int], rounds: int, drawn: random.Random
) -> tuple[Side, Side]:
    took: list[dict[str, list[list[int]]]] = [{level: [] for level in by_level} for _ in workers]
    order = list(by_level)
    for turn in range(rounds):
        drawn.shuffle(order)
        for level in order:
            for side in (0, 1) if turn % 2 else (1, 0):
                took[side][level].append(workers[side].call(by_level[level]))
    return _side(took[0]), _side(took[1])


def _together(workers: Sequence[Worker], by_level: Mapping[str, int], rounds: int) -> tuple[Side, Side]:
    """Let both sides work at the same time, the first one without a slowdown."""
    took: list[dict[str, list[list[int]]]] = [{level: [] for level in TOGETHER} for _ in workers]
    for _ in range(rounds):
        for level in TOGETHER:
            workers[0].ask(by_level[SAME])
            workers[1].ask(by_level[level])
            for side, worker in enumerate(workers):
                took[side][level].append(worker.answer())
    return _side(took[0]), _side(took[1])


def _side(took: Mapping[str, Sequence[Sequence[int]]]) -> Side:
    return {level: _calls(values) for level, values in took.items()}


def _calls(took: Sequence[Sequence[int]]) -> Calls:
    adjusted = all(len(values) == 3 for values in took)
    return Calls(
        cpu=tuple(values[0] for values in took),
        wall=tuple(values[1] for values in took),
        adjusted=tuple(values[2] for values in took) if adjusted else (),
    )


def steps(path: Path, workloads: Sequence[str], block: int) -> Iterator[Step]:
    """Yield what the file does not have yet."""
    done = sum("sides" in json.loads(line) for line in lines(path))
    return itertools.islice(plan(workloads, block), done, None)


def run(path: Path, workloads: Sequence[str], *, until: float, pairs: int, rounds: int, block: int) -> int:
    """Append pairs until the time is over or there are so many new ones; return how many there are now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mend(path)
    units = calibrate.stored()
    machine = described()
    with path.open("a", encoding="utf-8") as output, contextlib.ExitStack() as noise:
        output.write(
            json.dumps({"machine": machine, "units": {name: units[name] for name in workloads}}) + "\n"
        )
        now = ""
        for count, step in enumerate(steps(path, workloads, block)):
            if count >= pairs or time.monotonic() >= until:
                break
            if step.noise != now:
                noise.close()
                noise.enter_context(neighbours(step.noise == NOISY, seed=step.block))
                now = step.noise
            output.write(record(step, units[step.workload], rounds).line())
            output.flush()
    return sum("sides" in json.loads(line) for line in lines(path))


def options() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="at most so many new pairs")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--block", type=int, default=BLOCK, help="pairs between two changes of the noise")
    parser.add_argument("--workloads", default=",".join(SIX), help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--output", type=Path, required=True, help="a file of lines; what it holds stays")
    parser.add_argument("--keep", action="store_true", help=f"pack the file into {KEPT.name} at the end")
    return parser.parse_args()


def main() -> None:
    """Record."""
    asked = options()
    sys.stdout.write(f"{sentence(described())}\n")
    began = time.monotonic()
    count = run(
        asked.output,
        asked.workloads.split(","),
        until=began + asked.minutes * 60,
        pairs=asked.pairs,
        rounds=asked.rounds,
        block=asked.block,
    )
    sys.stdout.write(f"{count} pairs, {time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}\n")
    if asked.keep:
        sys.stdout.write(f"{KEPT.name}: {keep(asked.output, KEPT)} bytes\n")


if __name__ == "__main__":
    main()
