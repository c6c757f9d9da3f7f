"""One of two processes: opens a workload and times the calls that it is asked for, by the gate's clocks."""

from __future__ import annotations

import json
import sys

from benchmarks.performance_gate.workloads import WORKLOADS, Work, pure
from pytest_failhard.gates.performance.serve import clocks

REFERENCE_UNITS = 100
WARM_UP = 3


def timed(work: Work, units: int) -> list[int]:
    """Return CPU, wall and adjusted time of a call in microseconds, without the last where there is none."""
    before = clocks.start()
    work(units)
    spent = clocks.difference(before, clocks.stop())
    adjusted = [max(spent.cpu, spent.wall - spent.delay)] if spent.sound else []
    return [round(value / 1000) for value in (spent.cpu, spent.wall, *adjusted)]


def serve(work: Work, units: int) -> None:
    """Warm up, say so, and answer until nobody asks: with the time of so many units, 0 for the reference."""
    for _ in range(WARM_UP):
        work(units)
        pure(REFERENCE_UNITS)
    sys.stdout.write("[]\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = int(line)
        spent = timed(work, asked) if asked else timed(pure, REFERENCE_UNITS)
        sys.stdout.write(f"{json.dumps(spent)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    with WORKLOADS[sys.argv[1]].opened() as opened:
        serve(opened, int(sys.argv[2]))
