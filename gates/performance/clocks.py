"""Reduces the batches of a pair to one figure a clock: the logarithm of head / base."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

from pytest_failhard.gates.performance.samples import ADJ, CPU, CPU_MEAN, WALL, Batch, Pair, Sample
from pytest_failhard.model import GateError

Figure = Callable[[Sequence[Batch]], Fraction | None]


class BelowResolutionError(GateError):
    """A clock did not move: nothing can be said about a ratio."""


def _worked(batch: Batch) -> int:
    return batch.cpu + batch.children


def _least_cpu(batches: Sequence[Batch]) -> Fraction:
    """Immune to neighbours, blind to waiting and to what only some calls do."""
    return Fraction(min(map(_worked, batches)))


def _mean_cpu(batches: Sequence[Batch]) -> Fraction:
    """Sees every tenth call and the collector's pauses too."""
    return Fraction(sum(map(_worked, batches)), len(batches))


def _quarter_adjusted(batches: Sequence[Batch]) -> Fraction | None:
    """Sees waiting. The least would be too little: the time of waiting is read a little around the batch."""
    known = [batch.adj for batch in batches if batch.adj is not None]
    return Fraction(sorted(known)[len(known) // 4]) if len(known) == len(batches) else None


def _least_wall(batches: Sequence[Batch]) -> Fraction:
    """Sees everything, the neighbours included."""
    return Fraction(min(batch.wall for batch in batches))


FIGURES: Mapping[str, Figure] = MappingProxyType(
    {CPU: _least_cpu, CPU_MEAN: _mean_cpu, ADJ: _quarter_adjusted, WALL: _least_wall}
)


def names(*, adjusted: bool, pinned: bool = True) -> tuple[str, ...]:
    """Return the clocks that have a say.

    Without the accounts of the scheduler, and where work may spread over processors, wall time stands in for
    the adjusted clock.
    """
    return (CPU, CPU_MEAN, ADJ if adjusted and pinned else WALL)


def logs(pair: Pair) -> dict[str, float | None]:
    """Return the natural logarithm of head / base by clock, None where a side has no such figure.

    Raises BelowResolutionError where a clock did not move.
    """
    return {name: _log(name, figure, pair) for name, figure in FIGURES.items()}


def _log(name: str, figure: Figure, pair: Pair) -> float | None:
    base, head = _per_call(figure, pair.base), _per_call(figure, pair.head)
    if base is None or head is None:
        return None
    if min(base, head) <= 0:
        raise BelowResolutionError(
            f"below-resolution: the clock {name} did not move in a batch of {pair.base.calls} calls; "
            "let the benchmark do more in a call"
        )
    return math.log(head / base)


def _per_call(figure: Figure, sample: Sample) -> Fraction | None:
    total = figure(sample.batches)
    return None if total is None else total / sample.calls
