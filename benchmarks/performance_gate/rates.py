"""The counts of every method as lines of JSON and back, and what else the recorded pairs say."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from benchmarks.performance_gate.methods import LOG_LIMIT, Clock, least, log_ratio, mean, median, quarter
from benchmarks.performance_gate.recorded import AGAIN, LEVELS, SAME, Calls, RawPair
from benchmarks.performance_gate.replay import Series, grouped, workloads
from benchmarks.performance_gate.rows import ROWS
from benchmarks.performance_gate.workloads import WORKLOADS

KEPT = Path(__file__).parent / "results" / "rates.jsonl"


Figure = Callable[[Calls], float]
FIGURES: Mapping[str, Figure] = {
    "median wall": lambda calls: median(calls.wall),
    "q25 wall": lambda calls: quarter(calls.wall),
    "min CPU": lambda calls: least(calls.cpu),
    "mean CPU": lambda calls: mean(calls.cpu),
    "q25 adjusted": lambda calls: quarter(calls.adjusted) if calls.adjusted else 0.0,
}
ONE_PAIR = (AGAIN, "20", "30")


class ClockRow(TypedDict):
    """What one pair says of a workload: by clock, SD, and shares above the limit."""

    workload: str
    noise: str
    figures: Mapping[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Count:
    """What a method said at one level: `disjoint` are decisions, failed and undecided ones of those that
    share no pair.
    """

    method: str
    noise: str
    level: str
    n: int
    fails: int
    undecided: int
    pairs: int
    disjoint: tuple[int, int, int]

    @property
    def percent(self) -> float:
        """How many of a hundred fail the gate."""
        return 100 * self.fails / self.n


def counted(series: Series) -> Iterator[Count]:
    """Yield the counts of all methods."""
    for method, row in ROWS.items():
        for (noise, level), tally in row(series).items():
            decisions, fails, undecided = tally.disjoint
            yield Count(
                method=method,
                noise=noise,
                level=level,
                n=tally.n,
                fails=tally.fails,
                undecided=tally.undecided,
                pairs=tally.pairs,
                disjoint=(decisions, fails, undecided),
            )


def achieved(series: Series) -> dict[str, dict[str, float]]:
    """Return how much slower each level was, by workload: of calls in one process, the least CPU time."""
    found: dict[str, dict[str, float]] = {}
    for workload in workloads(series):
        pairs = [pair for (name, _), each in series.items() if name == workload for pair in each]
        sides = [side for pair in pairs for side in pair.sides]
        clock: Clock = "wall" if WORKLOADS[workload].waits else "cpu"
        found[workload] = {
            level: round(
                math.exp(
                    statistics.median(log_ratio(side[SAME], side[level], clock, least) for side in sides)
                ),
                4,
            )
            for level in LEVELS
            if level != AGAIN
        }
    return found


def clock_rows(series: Series) -> list[ClockRow]:
    """Return by workload and noise what one pair says by each clock."""
    rows = []
    for (workload, noise), pairs in series.items():
        figures = {name: _figure(pairs, figure) for name, figure in FIGURES.items()}
        rows.append(
            ClockRow(
                workload=workload,
                noise=noise,
                figures={name: found for name, found in figures.items() if found},
            )
        )
    return rows


def _figure(pairs: Sequence[RawPair], figure: Figure) -> list[float]:
    """Return the SD of one pair, and the shares above the limit at A/A, +20 and +30."""
    logs = {
        level: [
            math.log(figure(head[level]) / figure(base[SAME]))
            for pair in pairs
            for base, head in (pair.sides, pair.sides[::-1])
            if figure(head[level]) and figure(base[SAME])
        ]
        for level in ONE_PAIR
    }
    if not all(len(values) > 1 for values in logs.values()):
        return []
    shares = [sum(value > LOG_LIMIT for value in logs[level]) / len(logs[level]) for level in ONE_PAIR]
    return [round(value, 4) for value in (statistics.stdev(logs[AGAIN][::2]), *shares)]


def loads(series: Series) -> dict[str, list[float]]:
    """Return the least, middle and greatest load average by noise."""
    found: dict[str, list[float]] = {}
    for (_, noise), pairs in series.items():
        found.setdefault(noise, []).extend(pair.load for pair in pairs)
    return {noise: [min(each), statistics.median(each), max(each)] for noise, each in found.items()}


def document(machine: Mapping[str, str], pairs: Sequence[RawPair]) -> str:
    """Return all that is counted, as lines of JSON."""
    series = grouped(pairs)
    sizes: dict[str, dict[str, int]] = {}
    for (workload, noise), each in series.items():
        sizes.setdefault(workload, {})[noise] = len(each)
    head = {
        "machine": machine,
        "pairs": sizes,
        "loads": loads(series),
        "achieved": achieved(series),
        "clocks": clock_rows(series),
    }
    pooled = {cell: each for cell, each in series.items() if not WORKLOADS[cell[0]].waits}
    lines = itertools.chain([head], (vars(count) for count in counted(pooled)))
    return "".join(f"{json.dumps(line)}\n" for line in lines)
