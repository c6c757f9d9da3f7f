"""Finds how many units make a call so many percent slower, with its fixed costs allowed for; checks them."""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.performance_gate.machine import described, sentence
from benchmarks.performance_gate.workloads import WORKLOADS, Work, Workload

LEVELS = (5, 10, 15, 20, 30)
STORED = Path(__file__).parent / "results" / "units.json"
TOLERANCE = 0.01
Units = Mapping[int, int]
Clock = Callable[[], int]


def costs(work: Work, units: Sequence[int], clock: Clock, rounds: int) -> list[float]:
    """Return what each number of units costs: of calls in random order, the tenth part that took least."""
    drawn = random.Random(1)  # noqa: S311 - an order, no secret
    took: list[list[int]] = [[] for _ in units]
    order = list(range(len(units)))
    for _ in range(rounds + 2):
        drawn.shuffle(order)
        for place in order:
            began = clock()
            work(units[place])
            took[place].append(clock() - began)
    least = max(1, rounds // 10)
    return [sum(sorted(values[2:])[:least]) / least for values in took]


def ratios(workload: Workload, units: Units, rounds: int) -> dict[int, float]:
    """Return how much slower than no slowdown each level really is."""
    clock = time.perf_counter_ns if workload.waits else time.process_time_ns
    with workload.opened() as work:
        base, *others = costs(work, (workload.units, *units.values()), clock, rounds)
    return {level: cost / base for level, cost in zip(units, others, strict=True)}


def corrected(base: int, units: Units, achieved: Mapping[int, float]) -> dict[int, int]:
    """Return better units, by a curve through all that was measured: one level's error is not its own.

    The curve is `slower = slope * more + bend * more ** 2`, by least squares; `more` is solved for.
    """
    points = [(count / base - 1, achieved[level] - 1) for level, count in units.items()]
    s2, s3, s4 = (sum(more**power for more, _ in points) for power in (2, 3, 4))
    t1, t2 = (sum(slower * more**power for more, slower in points) for power in (1, 2))
    determinant = s2 * s4 - s3 * s3
    slope, bend = (t1 * s4 - t2 * s3) / determinant, (t2 * s2 - t1 * s3) / determinant
    return {level: round(base * (1 + _solved(slope, bend, level / 100))) for level in units}


def _solved(slope: float, bend: float, slower: float) -> float:
    root = slope * slope + 4 * bend * slower
    return 2 * slower / (slope + math.sqrt(max(root, 0.0)))


def calibrated(workload: Workload, rounds: int, passes: int = 2) -> dict[int, int]:
    """Return the units of each level."""
    units = {level: round(workload.units * (1 + level / 100)) for level in LEVELS}
    for _ in range(passes):
        units = corrected(workload.units, units, ratios(workload, units, rounds))
    return {0: workload.units, **units}


def stored(path: Path = STORED) -> dict[str, dict[int, int]]:
    """Return the units that are kept, by workload and level."""
    document = json.loads(path.read_text("utf-8"))
    return {
        name: {int(level): int(count) for level, count in levels.items()}
        for name, levels in document["units"].items()
    }


def checked(name: str, units: Units, rounds: int) -> dict[int, float]:
    """Return the achieved ratios and print them, with a mark at those that are off."""
    achieved = ratios(WORKLOADS[name], {level: count for level, count in units.items() if level}, rounds)
    told = " ".join(
        f"+{level}: {ratio:.3f}{'' if abs(ratio - 1 - level / 100) <= TOLERANCE else ' (off)'}"
        for level, ratio in achieved.items()
    )
    sys.stdout.write(f"{name:8} {told}\n")
    return achieved


def main() -> None:
    """Calibrate and keep, or check what is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=120)
    parser.add_argument("--check", action="store_true", help="measure what is kept, and keep nothing")
    parser.add_argument("--output", type=Path, default=STORED)
    asked = parser.parse_args()
    machine = described()
    # The processors of one machine differ in speed: what is compared stays on one.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if asked.check:
        for name, units in stored(asked.output).items():
            checked(name, units, asked.rounds)
        return
    sys.stdout.write(f"{sentence(machine)}\n")
    found = {name: calibrated(workload, asked.rounds) for name, workload in WORKLOADS.items()}
    achieved = {name: checked(name, levels, asked.rounds) for name, levels in found.items()}
    rounded = {
        name: {str(level): round(ratio, 4) for level, ratio in levels.items()}
        for name, levels in achieved.items()
    }
    document = {"machine": machine, "units": found, "achieved": rounded}
    asked.output.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
