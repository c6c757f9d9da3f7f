"""The field's methods and ours, as pure functions from timed calls to an answer."""

from __future__ import annotations

import functools
import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from benchmarks.performance_gate.recorded import Calls
from pytest_failhard.gates.performance import clocks
from pytest_failhard.gates.performance.samples import ADJ, CPU, CPU_MEAN, Batch, Pair, Sample
from pytest_failhard.gates.performance.statistics import State, Terms, decide, student

LIMIT = Fraction("1.15")
LOG_LIMIT = math.log(LIMIT)
EXACT_UP_TO = 20
"""Values on a side up to which the distribution of the rank sum is counted out."""
FEWEST, MOST = 3, 12
TERMS = Terms(limit=LIMIT, benchmarks=5, final_width=Fraction("0.10"))
CLOCKS = (CPU, CPU_MEAN, ADJ)
Clock = Literal["wall", "cpu"]
Statistic = Callable[[Sequence[int]], float]
Compared = Callable[[Calls, Calls], bool]
Logs = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a method with three answers says, and after how many pairs."""

    state: State
    pairs: int


def answered(fails: bool, pairs: int = 1) -> Outcome:
    """Return the answer of a method that has two of them."""
    return Outcome(state=State.SLOWER if fails else State.NOT_SLOWER, pairs=pairs)


def least(values: Sequence[int]) -> float:
    """Return the minimum."""
    return min(values)


def quarter(values: Sequence[int]) -> float:
    """Return the first quartile as the gate takes it."""
    return sorted(values)[len(values) // 4]


def mean(values: Sequence[int]) -> float:
    """Return the mean."""
    return sum(values) / len(values)


def median(values: Sequence[int]) -> float:
    """Return the median."""
    return statistics.median(values)


def ratio(base: Calls, head: Calls, clock: Clock, statistic: Statistic) -> float:
    """Return head / base."""
    return statistic(getattr(head, clock)) / statistic(getattr(base, clock))


def above(clock: Clock, statistic: Statistic) -> Compared:
    """Return the plain threshold on a statistic of a clock."""
    return lambda base, head: ratio(base, head, clock, statistic) > LIMIT


def normalised(
    base: tuple[Calls, Calls], head: tuple[Calls, Calls], clock: Clock, statistic: Statistic
) -> float:
    """Return the ratio of two that are each measured in units of a reference workload of their process."""
    return ratio(base[0], head[0], clock, statistic) / ratio(base[1], head[1], clock, statistic)


def of_processes(bases: Sequence[Calls], heads: Sequence[Calls]) -> float:
    """Return the ratio of the means over several processes of the first quartile of CPU time."""
    return statistics.fmean(quarter(each.cpu) for each in heads) / statistics.fmean(
        quarter(each.cpu) for each in bases
    )


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p of the rank-sum test: counted out, or normal where values tie or are many."""
    n, m = len(first), len(second)
    ordered = sorted([*first, *second])
    ranks = _ranks(ordered)
    u = sum(ranks[value] for value in first) - n * (n + 1) / 2
    if len(ranks) == n + m and max(n, m) <= EXACT_UP_TO:
        counts = _rank_sums(n, m)
        tail = sum(counts[: int(min(u, n * m - u)) + 1]) / sum(counts)
        return min(1.0, 2 * tail)
    ties = sum(count**3 - count for count in (ordered.count(value) for value in ranks))
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if not variance:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def _ranks(ordered: Sequence[float]) -> dict[float, float]:
    """Return the rank of each value, of equal ones the mean of theirs."""
    ranks: dict[float, float] = {}
    place = 1
    for value, equal in itertools.groupby(ordered):
        count = len(list(equal))
        ranks[value] = place + (count - 1) / 2
        place += count
    return ranks


@functools.cache
def _rank_sums(n: int, m: int) -> tuple[int, ...]:
    """Return in how many orders of n and m values U is 0, 1, ... n * m."""
    if not n or not m:
        return (1,)
    # The greatest value is one of the n, and beats all of the m, or it is one of the m.
    counts = [0] * (n * m + 1)
    for shift, smaller in ((m, _rank_sums(n - 1, m)), (0, _rank_sums(n, m - 1))):
        for u, count in enumerate(smaller):
            counts[u + shift] += count
    return tuple(counts)


def slower_by_ranks(base: Calls, head: Calls, p: float) -> bool:
    """Tell whether head's wall times are higher, by the rank-sum test."""
    return ratio(base, head, "wall", median) > 1 and mann_whitney(base.wall, head.wall) < p


def slower_by_resampling(base: Calls, head: Calls) -> bool:
    """Tell whether the 95 % bootstrap interval of the ratio of medians of wall times lies above 1."""
    return not_above(base.wall, head.wall) < 0.025


def not_above(base: Sequence[int], head: Sequence[int]) -> float:
    """Return the share of all resamples in which the median of head is not above that of base.

    Counted out instead of drawn, for the median of a resample has few possible values.
    """
    bases, heads = _resampled_medians(base), _resampled_medians(head)
    place = 0
    total = below = 0.0
    for value, weight in bases:
        while place < len(heads) and heads[place][0] <= value:
            below += heads[place][1]
            place += 1
        total += weight * below
    return total


def _resampled_medians(values: Sequence[int]) -> list[tuple[float, float]]:
    """Return each median that a resample can have, with its probability, sorted."""
    ordered = sorted(values)
    return sorted(
        ((ordered[low] + ordered[high]) / 2, weight) for (low, high), weight in _middles(len(ordered)).items()
    )


@functools.cache
def _middles(n: int) -> Mapping[tuple[int, int], float]:
    """Return how probable it is that the two middle values of a resample are those of these ranks.

    The lower one is the value of rank (n - 1) // 2 of the resample, the upper one that of n // 2.
    """
    found: dict[tuple[int, int], float] = {}
    low, high = (n - 1) // 2, n // 2
    for i in range(n):
        for j in range(i, n):
            weight = _joint(n, low, high, i, j)
            found[i, j] = weight
    return found


def _joint(n: int, low: int, high: int, i: int, j: int) -> float:
    """Return P(the value at `low` has rank i and that at `high` has rank j) by inclusion and exclusion."""

    def within(a: int, b: int) -> float:
        # P(at least low + 1 draws are of rank <= a, and at least high + 1 of rank <= b), for a <= b
        return math.fsum(
            math.comb(n, x)
            * math.comb(n - x, y)
            * ((a + 1) / n) ** x
            * ((b - a) / n) ** y
            * ((n - 1 - b) / n) ** (n - x - y)
            for x in range(low + 1, n + 1)
            for y in range(max(0, high + 1 - x), n - x + 1)
        )

    if low == high:
        return within(i, i) - (within(i - 1, i - 1) if i else 0.0) if i == j else 0.0

    def both(a: int, b: int) -> float:
        return within(min(a, b), b) if min(a, b) >= 0 else 0.0

    return both(i, j) - both(i - 1, j) - both(i, j - 1) + both(i - 1, j - 1)


def log_ratio(base: Calls, head: Calls, clock: Clock, statistic: Statistic) -> float:
    """Return the logarithm of head / base."""
    return math.log(ratio(base, head, clock, statistic))


def mean_above(logs: Sequence[float]) -> bool:
    """Tell whether the mean of pairs is above the limit."""
    return statistics.fmean(logs) > LOG_LIMIT


def mean_surely_above(logs: Sequence[float]) -> bool:
    """Tell whether the mean of pairs is above the limit, and surely (95 %) above 1."""
    return mean_above(logs) and statistics.fmean(logs) > _half(logs, 0.95)


def fixed(logs: Sequence[float], size: int, slower: Callable[[Sequence[float]], bool]) -> Outcome | None:
    """Decide over so many pairs, None where there are too few."""
    if len(logs) < size:
        return None
    return answered(slower(logs[:size]), size)


def _half(logs: Sequence[float], confidence: float) -> float:
    return student(confidence, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))


def sequential(logs: Sequence[float]) -> Outcome | None:
    """Decide as soon as the interval (98 %) has left the limit; with the last pair by the mean.

    That must then be surely above 1 to be slower, and known to 10 % to be not slower. None where the pairs
    ran out before.
    """
    for count in range(FEWEST, min(MOST, len(logs)) + 1):
        seen = logs[:count]
        middle, half = statistics.fmean(seen), _half(seen, 0.98)
        if abs(middle - LOG_LIMIT) > half:
            return answered(middle > LOG_LIMIT, count)
    if len(logs) < MOST:
        return None
    if middle > LOG_LIMIT and middle > half:
        return answered(True, MOST)
    sure = middle <= LOG_LIMIT and half < math.log(1.10)
    return Outcome(state=State.NOT_SLOWER if sure else State.UNDECIDED, pairs=MOST)


def gate_logs(base: Calls, head: Calls, number: int) -> Logs:
    """Return what the gate makes of a pair, by its own clocks."""
    pair = Pair(number=number, seed=0, cpu=None, first="base", base=_sample(base), head=_sample(head))
    return clocks.logs(pair)


def _sample(calls: Calls) -> Sample:
    adjusted = calls.adjusted or (None,) * len(calls.cpu)
    return Sample(
        calls=1,
        batches=tuple(
            Batch(wall=wall, cpu=cpu, children=0, delay=0, adj=adj)
            for wall, cpu, adj in zip(calls.wall, calls.cpu, adjusted, strict=True)
        ),
    )


def gate_rule(logs: Sequence[Logs], names: Sequence[str] = CLOCKS, terms: Terms = TERMS) -> Outcome | None:
    """Decide as the gate does; None where the pairs ran out before."""
    decision = decide(logs, names, terms)
    return None if decision is None else Outcome(state=decision.state, pairs=decision.pairs)
