"""Bounds what is new and so has nothing to be compared with: by its own budget of processor time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

from pytest_failhard.gates.performance import states
from pytest_failhard.gates.performance.duet import Duet
from pytest_failhard.gates.performance.samples import Benchmark, Pair
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.states import Judged, Meaning, Part, State
from pytest_failhard.model import Finding, GateError, Severity

PAIRS = 3
"""Six fresh processes; the least of all their batches is what counts."""
NS_PER_MS = 1_000_000
UNBOUND = Meaning(
    rule="new-without-budget",
    severity=Severity.MEDIUM,
    message="{id} is new, and nothing says how fast it has to be",
    fix="mark it: @pytest.mark.failhard_perf(budget_ms=...), in milliseconds of processor time for one call",
)
EXCEEDED = Meaning(
    rule="budget-exceeded",
    severity=Severity.MEDIUM,
    message="{id} takes more than its budget of {detail} ms of processor time",
    fix="make it faster; the budget holds for this machine",
)


def findings(
    duet: Duet, judged: Collection[Judged], benchmarks: Sequence[Benchmark], settings: PerformanceSettings
) -> list[Finding]:
    """Return what is to be said of new benchmarks beyond that they are new."""
    new = {each.id for each in judged if each.state is State.NEW}
    fresh = [each for each in benchmarks if each.id in new]
    if Part.NEW.value not in settings.enforce:
        fresh = [each for each in fresh if each.budget_ms]
    unbound = [states.finding(each.id, UNBOUND) for each in fresh if not each.budget_ms]
    bound = [each for each in fresh if each.budget_ms]
    found = [*unbound, *(_exceeded(duet, bound) if bound else ())]
    return states.weighed(Part.BENCHMARKS, found, settings)


def _exceeded(duet: Duet, bound: Sequence[Benchmark]) -> Iterator[Finding]:
    """Measure head against itself for the times alone."""
    twins = duet.twins(duet.trees.head)
    least: dict[str, Fraction] = {}
    for number in range(1, PAIRS + 1):
        result = twins.play(bound, number)
        missing = sorted({each.id for each in bound} - set(result.pairs))
        if missing:
            raise GateError(f"not-measured: {', '.join(missing)}: no numbers for its budget")
        for name, pair in result.pairs.items():
            least[name] = min(_least(pair), least.get(name, _least(pair)))
    for each in bound:
        if least[each.id] > Fraction(each.budget_ms) * NS_PER_MS:
            yield states.finding(each.id, EXCEEDED, each.budget_ms)


def _least(pair: Pair) -> Fraction:
    """Return the processor time of one call in the best batch of both processes, in nanoseconds."""
    return min(
        Fraction(batch.cpu + batch.children, side.calls)
        for side in (pair.base, pair.head)
        for batch in side.batches
    )
