"""Says what the pairs of servers show: figures by clock, requests that fail, when enough was measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_failhard.gates.performance.routes.windows import LoadedPair, Window, errors
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.statistics import (
    PASS_CONFIDENCE,
    Decision,
    Estimate,
    Terms,
    decide,
    student,
)
from pytest_failhard.system.load_counts import SATURATED, percentile, succeeding

CPU_PER_REQUEST, SECONDS_PER_REQUEST, P50 = "cpu_per_request", "seconds_per_request", "p50"
WORK, WALL = (CPU_PER_REQUEST,), (SECONDS_PER_REQUEST, P50)
RESTARTS = 3
"""In so many windows of a side processes may not come or go."""
BOUND_RATIO = 1.5
"""From this share of the server's work for a request on, what asks is the slower one of both."""
BY_CHANCE = 0.001
"""How seldom equal shares of failing requests may look like unequal ones."""
FAILED_SHARE = 0.1
"""Where the base fails more of its requests, what is measured is not what the declaration means."""
GROWS = 1.5
PASSES = 3
"""So many passes at a pace must agree: one stall of the machine looks like a queue that grows."""
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One side in one pair, in whole nanoseconds a request; medians over the windows. None: not known."""

    cpu: int | None
    seconds: int | None
    p50: int | None

    @property
    def by_clock(self) -> Mapping[str, int | None]:
        """The figures by the name of their clock."""
        return {CPU_PER_REQUEST: self.cpu, SECONDS_PER_REQUEST: self.seconds, P50: self.p50}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One pair, reduced. `logs` are ln(head / base) by clock; those of time are None where `bound` is true.

    `share` is what our process used of a processor; `restarted` the sides whose processes came and went.
    """

    figures: Mapping[SideName, Figures]
    logs: Mapping[str, float | None]
    share: float
    bound: bool
    restarted: tuple[SideName, ...] = ()
    failed: Mapping[SideName, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    """By side and route: requests that were not answered as declared, and all."""


def judged(pair: LoadedPair, own: str) -> Judged:
    """Reduce a pair. `own` is the route whose median time counts, empty for that of all routes."""
    figures = {side: _figures(pair.of(side), own) for side in _SIDES}
    share = max(_share(pair.of(side)) for side in _SIDES)
    bound = share >= SATURATED or any(_outworks(pair.of(side), figures[side].cpu) for side in _SIDES)
    logs = {clock: _log(figures, clock) for clock in (*WORK, *WALL)}
    return Judged(
        figures=figures,
        logs={clock: None if bound and clock in WALL else value for clock, value in logs.items()},
        share=share,
        bound=bound,
        restarted=tuple(side for side in _SIDES if _restarts(pair.of(side))),
        failed={side: _failed(pair, side) for side in _SIDES},
    )


_SIDES: tuple[SideName, SideName] = ("base", "head")


def _figures(windows: Sequence[Window], own: str) -> Figures:
    asked = [each for each in windows if each.requests]
    cpu = [each.cpu / each.requests for each in asked if each.cpu is not None]
    medians = [middle for each in asked if (middle := _median_seconds(each, own)) is not None]
    return Figures(
        cpu=round(statistics.median(cpu)) if cpu else None,
        seconds=_ns([each.wall / each.requests for each in asked]),
        p50=_ns(medians),
    )


def _ns(seconds: Sequence[float]) -> int | None:
    return round(statistics.median(seconds) * SECOND_NS) if seconds else None


def _median_seconds(window: Window, own: str) -> float | None:
    routes = [route for route in succeeding(window.routes) if own in {"", route.route}]
    return percentile(sorted(second for route in routes for second in route.seconds), 50)


def _log(figures: Mapping[SideName, Figures], clock: str) -> float | None:
    base, head = (figures[side].by_clock[clock] for side in _SIDES)
    return math.log(head / base) if base and head else None


def _share(windows: Sequence[Window]) -> float:
    return sum(each.process_cpu for each in windows) / sum(each.wall for each in windows)


def _outworks(windows: Sequence[Window], server: int | None) -> bool:
    requests = sum(each.requests for each in windows)
    used = sum(each.client_cpu for each in windows) * SECOND_NS
    return bool(server and requests) and used > BOUND_RATIO * (server or 0) * requests


def _restarts(windows: Sequence[Window]) -> bool:
    return sum(each.cpu is None for each in windows) >= min(RESTARTS, len(windows))


def _failed(pair: LoadedPair, side: SideName) -> dict[str, tuple[int, int]]:
    counts = pair.counts(side)
    wrong = dict(errors(counts))
    return {route.route: (wrong[route.route], route.requests) for route in counts}


def fails_more(pairs: Sequence[Judged]) -> tuple[str, ...]:
    """Return the routes of which head fails more requests than the base, over all pairs.

    Where the base fails none, one is more. Where it fails some itself, the shares must differ by more than
    chance explains.
    """
    routes = {route for pair in pairs for route in pair.failed["head"]}
    return tuple(
        sorted(route for route in routes if _more(_total(pairs, "base", route), _total(pairs, "head", route)))
    )


def fails_itself(pair: Judged) -> bool:
    """Tell whether the base fails so many requests that the rest says nothing about the work of an answer."""
    counted = pair.failed["base"].values()
    return sum(wrong for wrong, _ in counted) > FAILED_SHARE * sum(asked for _, asked in counted)


def _total(pairs: Sequence[Judged], side: SideName, route: str) -> tuple[int, int]:
    found = [pair.failed[side].get(route, (0, 0)) for pair in pairs]
    return sum(wrong for wrong, _ in found), sum(asked for _, asked in found)


def _more(base: tuple[int, int], head: tuple[int, int]) -> bool:
    if not head[0] or not base[0]:
        return head[0] > 0
    return tail(base[0] + head[0], head[0], head[1] / (base[1] + head[1])) < BY_CHANCE


def tail(trials: int, least: int, share: float) -> float:
    """Return the probability of at least so many hits in so many trials (binomial)."""
    if share >= 1:
        return 1.0
    logs = (
        math.lgamma(trials + 1)
        - math.lgamma(hits + 1)
        - math.lgamma(trials - hits + 1)
        + hits * math.log(share)
        + (trials - hits) * math.log1p(-share)
        for hits in range(least, trials + 1)
    )
    return math.fsum(map(math.exp, logs))


def queue_grows(pairs: Sequence[LoadedPair], concurrency: int) -> bool:
    """Tell whether in every pass at a pace what waits grew to its end on head, and in none on the base.

    Fewer than three passes tell nothing.
    """
    passes = [each.opened for each in pairs if each.opened]

    def grew(side: SideName) -> list[bool]:
        thirds = [each[side].thirds for each in passes]
        return [last > GROWS * first and last > concurrency for first, _, last in thirds]

    return len(passes) >= PASSES and all(grew("head")) and not any(grew("base"))


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What the pairs say so far: of work, and of time; None where another pair is needed.

    `unjudged` says why time has no say, empty where it has.
    """

    work: Decision | None
    time: Decision | None
    unjudged: str = ""

    def enough(self, *, work: bool, time: bool) -> bool:
        """Tell whether what is wanted is decided, or cannot be."""
        worked = self.work is not None or not work
        return worked and (self.time is not None or bool(self.unjudged) or not time)


def verdicts(pairs: Sequence[Judged], terms: Terms) -> Verdicts:
    """Decide by what is known. Where most pairs were bound by the generator, time is not judged."""
    logs = [each.logs for each in pairs]
    bound = sum(each.bound for each in pairs)
    unjudged = ""
    if len(pairs) >= terms.fewest and 2 * bound > len(pairs):
        unjudged = "generator-bound: what asks is slower than what answers: times would be its own"
    return Verdicts(
        work=decide(logs, WORK, terms),
        time=None if unjudged else decide(logs, WALL, terms),
        unjudged=unjudged,
    )


def estimates(pairs: Sequence[Judged]) -> dict[str, Estimate]:
    """Return what all pairs say by clock, also where nothing was decided."""
    known = {
        clock: [value for each in pairs if (value := each.logs[clock]) is not None]
        for clock in (*WORK, *WALL)
    }
    return {clock: _estimate(values) for clock, values in known.items() if len(values) > 1}


def _estimate(values: Sequence[float]) -> Estimate:
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    half = student(PASS_CONFIDENCE, len(values) - 1) * spread / math.sqrt(len(values))
    return Estimate(
        pairs=len(values),
        ratio=math.exp(mean),
        low=math.exp(mean - half),
        high=math.exp(mean + half),
        spread=spread,
    )
