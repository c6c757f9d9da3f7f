"""One of two processes: opens a workload and times the calls that it is asked for, by the gate's clocks."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from benchmarks.performance_gate.workloads import WORKLOADS, Work, pure

CLOCKS = Path(__file__).resolve().parent.parent.parent / "gates" / "performance" / "serve" / "clocks.py"
REFERENCE_UNITS = 100
WARM_UP = 3


def gate_clocks() -> ModuleType:
    """Return the clocks of the gate's worker, loaded alone, as they are in the project that is measured."""
    spec = importlib.util.spec_from_file_location("gate_clocks", CLOCKS)
    if spec is None or spec.loader is None:
        raise ImportError(f"{CLOCKS} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def timed(clocks: ModuleType, work: Work, units: int) -> list[int]:
    """Return CPU, wall and adjusted time of a call in microseconds, without the last where there is none."""
    before = clocks.start()
    work(units)
    batch = clocks.difference(before, clocks.stop()).batch(adjusted=True)
    return [round(batch[name] / 1000) for name in ("cpu", "wall", "adj") if batch[name] is not None]


def serve(work: Work, units: int) -> None:
    """Warm up, say so, and answer until nobody asks: with the time of so many units, 0 for the reference."""
    clocks = gate_clocks()
    for _ in range(WARM_UP):
        work(units)
        pure(REFERENCE_UNITS)
    sys.stdout.write("[]\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = int(line)
        spent = timed(clocks, work, asked) if asked else timed(clocks, pure, REFERENCE_UNITS)
        sys.stdout.write(f"{json.dumps(spent)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    with WORKLOADS[sys.argv[1]].opened() as opened:
        serve(opened, int(sys.argv[2]))
