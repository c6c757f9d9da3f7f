"""What a load run counted: exact numbers a route, and percentiles of the answers that were right."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

SATURATED = 0.8
"""From this share of a core on, threads of one interpreter wait for each other, not for the system."""
RESETS = frozenset(
    {
        "ConnectionResetError",
        "RemoteDisconnected",
        "BrokenPipeError",
        "IncompleteRead",
        "ConnectionAbortedError",
    }
)
"""How it shows, by exception, that the system broke off a connection."""
_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True, kw_only=True)
class RouteCounts:
    """What one route answered: requests by status, those without an answer by the exception's name.

    `expected` are the requests that the declaration calls answered. `seconds` are sorted, and only of those;
    of a route with `slow_s` they are what came on top. `unsent` were due when the time was over. `broken` are
    the moments, by the monotonic clock, at which the requests began that were not answered, `ended` those at
    which requests ended, however they did. `body_bytes` are those of expected answers, without headers.
    """

    route: str
    statuses: Mapping[int, int]
    errors: Mapping[str, int]
    expected: int
    seconds: tuple[float, ...]
    unsent: int = 0
    negative: bool = False
    unexpected_5xx: int = 0
    broken: tuple[float, ...] = ()
    ended: tuple[float, ...] = ()
    body_bytes: int = 0

    @property
    def requests(self) -> int:
        """The requests that were sent."""
        return sum(self.statuses.values()) + sum(self.errors.values())

    @property
    def success_rate(self) -> Fraction:
        """The exact share of expected answers; what should have been sent and was not is a failure."""
        due = self.requests + self.unsent
        return Fraction(self.expected, due) if due else Fraction(0)

    @property
    def resets(self) -> int:
        """The requests whose connection the system broke off."""
        return sum(count for name, count in self.errors.items() if name in RESETS)


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round: its counts by route, its duration, and what the generator itself used.

    `cpu_seconds` are those of the threads that send, `process_cpu_seconds` of the whole process that they
    share an interpreter with. `began` is a moment of the monotonic clock.
    """

    routes: tuple[RouteCounts, ...]
    wall_seconds: float
    cpu_seconds: float
    process_cpu_seconds: float
    began: float = 0.0

    @property
    def requests(self) -> int:
        """The requests that were sent."""
        return sum(route.requests for route in self.routes)

    def percentile(self, rank: int) -> float | None:
        """Return a percentile of the seconds of expected answers on all routes that shall succeed."""
        return percentile(sorted(each for route in succeeding(self.routes) for each in route.seconds), rank)


@dataclass(frozen=True, kw_only=True)
class Load:
    """A load run. `rps` is the pace, None where each client sends as soon as it has its answer."""

    concurrency: int
    rounds: tuple[Round, ...]
    rps: float | None = None

    @property
    def routes(self) -> tuple[RouteCounts, ...]:
        """The counts of all rounds together."""
        return summed(each.routes for each in self.rounds)

    @property
    def requests(self) -> int:
        """The requests that were sent."""
        return sum(route.requests for route in self.routes)

    @property
    def success_rate(self) -> Fraction:
        """The exact share of expected answers, without the routes that shall answer with an error."""
        return success_rate(self.routes)

    @property
    def worst_route_success(self) -> Fraction:
        """The exact share of the worst route; 0 where no route shall succeed."""
        return min((route.success_rate for route in succeeding(self.routes)), default=Fraction(0))

    @property
    def server_errors(self) -> int:
        """The answers from 500 on that no route expects."""
        return sum(route.unexpected_5xx for route in self.routes)

    @property
    def resets(self) -> int:
        """The requests whose connection the system broke off."""
        return sum(route.resets for route in self.routes)

    def percentile(self, rank: int) -> float | None:
        """Return the median of the rounds' percentiles in seconds; None where a round has no right answer."""
        found = [each.percentile(rank) for each in self.rounds]
        known = [each for each in found if each is not None]
        return statistics.median(known) if found and len(known) == len(found) else None

    @property
    def wall_seconds(self) -> float:
        """The duration of all rounds."""
        return sum(each.wall_seconds for each in self.rounds)

    @property
    def cpu_seconds(self) -> float:
        """The processor time of the threads that sent."""
        return sum(each.cpu_seconds for each in self.rounds)

    @property
    def generator_share(self) -> float:
        """The share of one core that our own process used: threads, and whatever runs beside them."""
        used = sum(each.process_cpu_seconds for each in self.rounds)
        return used / self.wall_seconds if self.wall_seconds else 0.0

    @property
    def measures_itself(self) -> bool:
        """Tell whether the generator was its own bottleneck: then its seconds are only upper bounds."""
        return self.generator_share >= SATURATED


def percentile(ordered: list[float], rank: int) -> float | None:
    """Return the value at the nearest rank, `ceil(rank / 100 * n)`; None where there is none."""
    return ordered[max(0, -(-rank * len(ordered) // 100) - 1)] if ordered else None


def succeeding(routes: Iterable[RouteCounts]) -> tuple[RouteCounts, ...]:
    """Return the routes that shall succeed."""
    return tuple(route for route in routes if not route.negative)


def success_rate(routes: Iterable[RouteCounts]) -> Fraction:
    """Return the exact share of expected answers on the routes that shall succeed; 0 where there are none."""
    counted = succeeding(routes)
    due = sum(route.requests + route.unsent for route in counted)
    return Fraction(sum(route.expected for route in counted), due) if due else Fraction(0)


def summed(parts: Iterable[Iterable[RouteCounts]]) -> tuple[RouteCounts, ...]:
    """Return the counts of several rounds together, in the order in which routes first appear."""
    by_route: dict[str, list[RouteCounts]] = {}
    for part in parts:
        for route in part:
            by_route.setdefault(route.route, []).append(route)
    return tuple(
        RouteCounts(
            route=name,
            statuses=_together(each.statuses for each in counts),
            errors=_together(each.errors for each in counts),
            expected=sum(each.expected for each in counts),
            seconds=tuple(sorted(second for each in counts for second in each.seconds)),
            unsent=sum(each.unsent for each in counts),
            negative=counts[0].negative,
            unexpected_5xx=sum(each.unexpected_5xx for each in counts),
            broken=tuple(moment for each in counts for moment in each.broken),
            ended=tuple(moment for each in counts for moment in each.ended),
            body_bytes=sum(each.body_bytes for each in counts),
        )
        for name, counts in by_route.items()
    )


def _together(tables: Iterable[Mapping[_Key, int]]) -> dict[_Key, int]:
    total: Counter[_Key] = Counter()
    for table in tables:
        total.update(table)
    return dict(total)


def document(load: Load) -> dict[str, object]:
    """Return a load run for people to read: counts, percentiles in milliseconds, the generator's own cost."""
    return {
        "concurrency": load.concurrency,
        "rps": load.rps,
        "requests": load.requests,
        "success_rate": str(load.success_rate),
        "routes": [_described(route) for route in load.routes],
        "milliseconds": {f"p{rank}": _ms(load.percentile(rank)) for rank in (50, 95, 99, 100)},
        "requests_per_second": round(load.requests / load.wall_seconds, 1) if load.wall_seconds else None,
        "generator": {
            "cpu_seconds": round(load.cpu_seconds, 3),
            "share_of_a_core": round(load.generator_share, 3),
            "measures_itself": load.measures_itself,
        },
    }


def _described(route: RouteCounts) -> dict[str, object]:
    ordered = list(route.seconds)
    return {
        "route": route.route,
        "requests": route.requests,
        "unsent": route.unsent,
        "statuses": {str(status): count for status, count in sorted(route.statuses.items())},
        "errors": dict(sorted(route.errors.items())),
        "success_rate": str(route.success_rate),
        "milliseconds": {f"p{rank}": _ms(percentile(ordered, rank)) for rank in (50, 95, 99, 100)},
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
