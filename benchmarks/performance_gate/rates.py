"""The counts of every method as lines of JSON and back, and what else the recorded pairs say."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.performance_gate.methods import Clock, Statistic, least, log_ratio, median
from benchmarks.performance_gate.recorded import AGAIN, LEVELS, SAME, RawPair
from benchmarks.performance_gate.replay import Series, grouped, workloads
from benchmarks.performance_gate.rows import ROWS

KEPT = Path(__file__).parent / "results" / "rates.jsonl"


FIGURES: tuple[tuple[Clock, Statistic], ...] = (("wall", median), ("cpu", least))


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
        found[workload] = {
            level: round(
                math.exp(
                    statistics.median(log_ratio(side[SAME], side[level], "cpu", least) for side in sides)
                ),
                4,
            )
            for level in LEVELS
            if level != AGAIN
        }
    return found


def spreads(series: Series) -> dict[str, dict[str, list[float]]]:
    """Return the SD of the logarithm of one pair's ratio, nothing being slower: of medians of wall time, and
    of least CPU times; by workload and noise.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for (workload, noise), pairs in series.items():
        found.setdefault(workload, {})[noise] = [
            round(
                _spread(
                    [log_ratio(pair.sides[0][SAME], pair.sides[1][AGAIN], clock, statistic) for pair in pairs]
                ),
                4,
            )
            for clock, statistic in FIGURES
        ]
    return found


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


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
        "spreads": spreads(series),
    }
    lines = itertools.chain([head], (vars(count) for count in counted(series)))
    return "".join(f"{json.dumps(line)}\n" for line in lines)
