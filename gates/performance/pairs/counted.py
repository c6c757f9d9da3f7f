"""What the counting pair tells: memory, calls that differ from each other, benchmarks of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from pytest_failhard.gates.performance import states
from pytest_failhard.gates.performance.pairs.counting import Counting
from pytest_failhard.gates.performance.samples import Counts
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.states import Meaning, Part
from pytest_failhard.model import Finding, GateError, Severity

LEAST_BYTES = 64 * 1024
"""What less than this comes on top is no regression, whatever the share."""
MEMORY = Meaning(
    rule="memory-regression",
    severity=Severity.MEDIUM,
    message="{id} needs more memory than the limit: {detail}",
    fix="keep less at once, or waive it with a reason",
)
UNSTEADY = Meaning(
    rule="unsteady-benchmark",
    severity=Severity.MEDIUM,
    message="{id} does not do the same in two calls of the {detail}",
    fix="give it the same input and state in each call; `pedantic` takes a setup=",
)
NO_PRODUCT = Meaning(
    rule="benchmark-without-product-code",
    severity=Severity.MEDIUM,
    message="{id} executes no function of the product",
    fix="let it call the product, or remove it",
)


def findings(counts: Counting, settings: PerformanceSettings) -> list[Finding]:
    """Return what the counters say; raises GateError where no benchmark executes the product."""
    both = {each: sides for each, sides in counts.counts.items() if sides}
    empty = [each for each, sides in both.items() if "head" in sides and not sides["head"].functions]
    if empty and len(empty) == len(both):
        raise GateError(
            f"benchmark-without-product-code: {', '.join(sorted(empty))}: nothing of the product runs; "
            "let a benchmark call a function of the product"
        )
    limit = 1 + Fraction(settings.max_regression)
    memory = list(_memory(counts, limit))
    steady = [*_unsteady(counts), *(states.finding(each, NO_PRODUCT) for each in sorted(empty))]
    return [
        *(states.weighed(Part.MEMORY, memory, settings)),
        *(states.weighed(Part.BENCHMARKS, steady, settings)),
    ]


def _memory(counts: Counting, limit: Fraction) -> Iterator[Finding]:
    for each, sides in sorted(counts.counts.items()):
        if "base" in sides and "head" in sides and _grew(sides["base"], sides["head"], limit):
            before, after = sides["base"].memory, sides["head"].memory
            # Traced memory is exact: it is the same in each run.
            yield states.finding(each, MEMORY, f"{after // 1024} KiB at its peak, the base {before // 1024}")


def _grew(base: Counts, head: Counts, limit: Fraction) -> bool:
    return head.memory > base.memory * limit and head.memory > base.memory + LEAST_BYTES


def _unsteady(counts: Counting) -> Iterator[Finding]:
    for each, sides in sorted(counts.counts.items()):
        unsteady = [name for name, side in sorted(sides.items()) if not side.steady]
        if unsteady:
            yield states.finding(each, UNSTEADY, " and the ".join(unsteady))
