"""What pairs say against themselves: a call that grows with use, a machine that was held back."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from fractions import Fraction

from pytest_failhard.gates.performance.samples import Batch, Pair, Sample

GROWTH = Fraction("1.10")
HELD_BACK = Fraction("0.10")
FEWEST = 3
SURE = 6
"""Over so many pairs, seconds each, no machine gets slower and slower that is not asked for more."""


def is_drifting(pairs: Sequence[Pair]) -> bool:
    """Tell whether the last third of the rounds takes more than the first, on both sides, in all pairs.

    One pair says nothing: a processor that changes its speed in the middle looks alike. Nor does processor
    time alone: of what waits for the most part there is little, and that little varies.
    """
    growths = [min(_growth(pair.base), _growth(pair.head)) for pair in pairs]
    return len(growths) >= FEWEST and min(growths) > GROWTH


def was_throttled(pairs: Sequence[Pair]) -> bool:
    """Tell whether the control group was held back in more than a tenth of its periods."""
    throttled = sum(pair.conditions.throttled or 0 for pair in pairs)
    periods = sum(pair.conditions.periods or 0 for pair in pairs)
    return throttled > HELD_BACK * periods


def _growth(sample: Sample) -> Fraction:
    third = max(1, len(sample.batches) // 3)
    first, last = sample.batches[:third], sample.batches[-third:]
    return min(_middle(last, clock) / _middle(first, clock) for clock in (_worked, _passed))


def _middle(batches: Sequence[Batch], clock: Callable[[Batch], int]) -> Fraction:
    return Fraction(statistics.median(clock(batch) for batch in batches))


def _worked(batch: Batch) -> int:
    return batch.cpu + batch.children


def _passed(batch: Batch) -> int:
    return batch.wall
