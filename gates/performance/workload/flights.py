"""How many things were under way at each moment: exact step functions of their starts and ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_POINTS = 200
"""So many points of a step function are kept for a drawing."""
GROWTH = 1.5
Span = tuple[int, int]
"""A start and an end, in nanoseconds."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """From each of the `points` (nanoseconds, number) on so many were under way, until `end`."""

    points: tuple[tuple[int, int], ...]
    end: int

    @property
    def highest(self) -> int:
        """The largest number, 0 for nothing."""
        return max((number for _, number in self.points), default=0)

    def mean(self, begin: int, end: int) -> float:
        """Return the mean between two moments, weighted by time."""
        if end <= begin:
            return 0.0
        moments = [moment for moment, _ in self.points[1:]] + [self.end]
        area = sum(
            number * max(0, min(until, end) - max(since, begin))
            for (since, number), until in zip(self.points, moments, strict=True)
        )
        return area / (end - begin)

    @property
    def average(self) -> float:
        """The mean from the first point to the end, weighted by time."""
        return self.mean(self.points[0][0], self.end) if self.points else 0.0

    def grows(self, bound: int, until: int) -> bool:
        """Tell whether the last third's mean until a moment is above a bound, and well above the first's."""
        if not self.points:
            return False
        begin = self.points[0][0]
        third = (until - begin) // 3
        first, last = self.mean(begin, begin + third), self.mean(until - third, until)
        return last > GROWTH * first and last > bound

    def thinned(self, most: int = MOST_POINTS) -> tuple[tuple[int, int], ...]:
        """Return at most so many points; of those that fall together the highest is kept."""
        if len(self.points) <= most:
            return self.points
        kept: dict[int, tuple[int, int]] = {}
        begin = self.points[0][0]
        width = self.end - begin + 1
        for moment, number in self.points:
            place = (moment - begin) * most // width
            if place not in kept or kept[place][1] < number:
                kept[place] = (moment, number)
        return tuple(kept[place] for place in sorted(kept))


def steps(spans: Iterable[Span], begin: int, end: int) -> Steps:
    """Return how many spans were open from `begin` to `end`; one that ends where another starts is over."""
    changes: dict[int, int] = {begin: 0}
    for start, stop in spans:
        for moment, change in ((start, 1), (max(start, stop), -1)):
            place = min(max(moment, begin), end)
            changes[place] = changes.get(place, 0) + change
    points: list[tuple[int, int]] = []
    number = 0
    for moment in sorted(changes):
        number += changes[moment]
        if not points or points[-1][1] != number:
            points.append((moment, number))
    return Steps(points=tuple(points), end=max(end, begin))


def pending(due: Iterable[int], ended: Iterable[int], begin: int) -> Steps:
    """Return how many of what was due had not ended yet, from `begin` on, which becomes 0.

    Which one ended when makes no difference to that.
    """
    moments, ends = (sorted(moment - begin for moment in each) for each in (due, ended))
    last = max([0, *moments, *ends])
    never = [last] * max(0, len(moments) - len(ends))
    return steps(zip(moments, ends + never, strict=False), 0, last)


def rank(ordered: Sequence[int], percent: int) -> int | None:
    """Return the value at the nearest rank, `ceil(percent / 100 * n)`; None where there is none."""
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)] if ordered else None
