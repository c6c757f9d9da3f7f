"""Puts what became of routes into the terms of all benchmarks: outcomes, states, problems."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pytest_failhard.gates.performance.measured import Measured, Outcome
from pytest_failhard.gates.performance.route_judging import WALL, WORK
from pytest_failhard.gates.performance.route_plan import RouteState
from pytest_failhard.gates.performance.samples import Benchmark
from pytest_failhard.gates.performance.servers import RouteMeasured, RoutesMeasured
from pytest_failhard.gates.performance.states import Judged, Part, State
from pytest_failhard.gates.performance.statistics import Decision
from pytest_failhard.gates.performance.statistics import State as Answer

UNDECIDED = "undecided"
_NOT_COMPARED = {
    RouteState.NEW: (Outcome.NEW, "the base does not serve it"),
    RouteState.INCOMPARABLE: (Outcome.INCOMPARABLE, "the base does not answer it as it is declared here"),
}
_STATES = {RouteState.IDENTICAL: State.IDENTICAL, RouteState.REMOVED: State.REMOVED}


def measured(
    found: RoutesMeasured, part: Literal[Part.ROUTES, Part.ROUTES_WALL], *, enforced: bool
) -> Iterator[Measured]:
    """Yield the benchmarks of a part: of work by the id of the route, of time with `/wall` behind it.

    What has no answer is an error where the part is enforced. Where it is only reported, work is then
    undecided, and nothing is said of time. One that newly fails has a finding of its own, and no outcome.
    """
    for each in found.routes:
        outcome = _work(each, enforced=enforced) if part is Part.ROUTES else _time(each, enforced=enforced)
        if outcome is not None:
            yield outcome


def judged(found: RoutesMeasured) -> Iterator[Judged]:
    """Yield what became of the routes that needed no measuring."""
    for each in found.routes:
        if each.state in _STATES:
            yield Judged(id=each.benchmark, state=_STATES[each.state], part=Part.ROUTES)


def _work(route: RouteMeasured, *, enforced: bool) -> Measured | None:
    if route.state in _NOT_COMPARED:
        outcome, detail = _NOT_COMPARED[route.state]
        return _ended(route, route.benchmark, outcome, "", detail)
    if route.state in {RouteState.BROKEN, *_STATES}:
        return None
    if route.problem:
        return _unanswered(route, route.benchmark, route.problem, enforced=enforced)
    return _decided(route, route.benchmark, route.work, WORK)


def _time(route: RouteMeasured, *, enforced: bool) -> Measured | None:
    benchmark = f"{route.benchmark}/wall"
    if route.state is not RouteState.MEASURED:
        return None
    if enforced and (problem := route.time_problem or route.problem):
        return _unanswered(route, benchmark, problem, enforced=True)
    is_decided = route.time is not None and route.time.state is not Answer.UNDECIDED
    return _decided(route, benchmark, route.time, WALL) if enforced or is_decided else None


def _decided(
    route: RouteMeasured, benchmark: str, decision: Decision | None, clocks: tuple[str, ...]
) -> Measured:
    if decision is None or decision.state is Answer.UNDECIDED:
        return _ended(
            route, benchmark, Outcome.UNDECIDED, "pairs", "the pairs do not agree enough", decision, clocks
        )
    return _ended(route, benchmark, Outcome.DECIDED, "", "", decision, clocks)


def _unanswered(route: RouteMeasured, benchmark: str, problem: str, *, enforced: bool) -> Measured:
    slug, _, detail = problem.partition(": ")
    if slug == UNDECIDED or not enforced:
        return _ended(route, benchmark, Outcome.UNDECIDED, "seconds" if slug == UNDECIDED else slug, detail)
    outcome = Outcome.NOT_MEASURED if route.state is RouteState.UNMEASURED else Outcome.ERROR
    return _ended(route, benchmark, outcome, slug, detail)


def _ended(
    route: RouteMeasured,
    benchmark: str,
    outcome: Outcome,
    problem: str,
    detail: str,
    decision: Decision | None = None,
    clocks: tuple[str, ...] = (),
) -> Measured:
    return Measured(
        benchmark=Benchmark(id=benchmark),
        outcome=outcome,
        decision=decision,
        problem=problem,
        detail=detail,
        seconds=route.seconds,
        clocks=clocks,
    )
