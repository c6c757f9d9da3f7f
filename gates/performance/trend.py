"""Writes head's times in the form of pytest-benchmark, for whoever draws trends: no verdict rests on them."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

from pytest_failhard.gates.performance.pairs.measured import Measured
from pytest_failhard.model import ProjectFacts

NAME = "benchmarks.json"
VERSION = "5.0.0"
"""The version of pytest-benchmark whose form this is."""
NS = 1_000_000_000
FENCES = 1.5
"""Beyond so many interquartile ranges a time is an outlier, as pytest-benchmark counts them."""


def document(measured: Sequence[Measured], facts: ProjectFacts) -> bytes:
    """Return the file: wall seconds of one call in each of head's batches, and what was decided."""
    made = {
        "machine_info": {
            "node": "",
            "system": platform.system(),
            "machine": platform.machine(),
            "python_version": platform.python_version(),
            "python_implementation": platform.python_implementation(),
        },
        "commit_info": {"id": facts.commit, "dirty": facts.dirty, "project": facts.name, "branch": ""},
        "benchmarks": [_benchmark(each) for each in measured if each.pairs],
        "datetime": datetime.now(UTC).isoformat(),
        "version": VERSION,
    }
    return (json.dumps(made, indent=1, sort_keys=True) + "\n").encode()


def _benchmark(measured: Measured) -> dict[str, object]:
    identity = measured.benchmark.id
    decision = measured.decision
    return {
        "group": None,
        "name": identity.rpartition("::")[2],
        "fullname": identity,
        "params": None,
        "param": None,
        "options": {},
        "extra_info": {
            "failhard": {
                "state": decision.state.value if decision else measured.outcome.value,
                "ratio": str(float(decision.ratio)) if decision else None,
                "clock": decision.clock if decision else None,
                "pairs": len(measured.pairs),
            }
        },
        "stats": _stats(measured),
    }


def _stats(measured: Measured) -> dict[str, object]:
    calls = measured.pairs[0].head.calls
    times = sorted(
        batch.wall / pair.head.calls / NS for pair in measured.pairs for batch in pair.head.batches
    )
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    spread, mean = statistics.pstdev(times), statistics.fmean(times)
    fences = (low - FENCES * (high - low), high + FENCES * (high - low))
    within = [time for time in times if fences[0] <= time <= fences[1]]
    far = sum(abs(time - mean) > spread for time in times)
    return {
        "min": times[0],
        "max": times[-1],
        "mean": mean,
        "stddev": spread,
        "rounds": len(times),
        "median": middle,
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": len(times) - len(within),
        "stddev_outliers": far,
        "outliers": f"{far};{len(times) - len(within)}",
        "ld15iqr": within[0],
        "hd15iqr": within[-1],
        "ops": 1 / mean,
        "total": sum(times),
        "iterations": calls,
    }
