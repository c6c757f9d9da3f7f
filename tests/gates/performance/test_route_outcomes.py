"""Tests of what became of routes, in the terms of all benchmarks."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pytest_failhard.gates.performance import route_outcomes
from pytest_failhard.gates.performance.measured import Measured, Outcome
from pytest_failhard.gates.performance.route_plan import RouteState
from pytest_failhard.gates.performance.servers import RouteMeasured, RoutesMeasured
from pytest_failhard.gates.performance.states import Part, State
from pytest_failhard.gates.performance.statistics import Decision
from pytest_failhard.gates.performance.statistics import State as Answer


def decision(state: Answer) -> Decision:
    """Return a decision of which only the answer matters."""
    return Decision(state=state, pairs=3, ratio=Fraction(1), clock="p50", estimates={})


def route(
    state: RouteState = RouteState.MEASURED,
    *,
    work: Answer | None = None,
    time: Answer | None = None,
    problem: str = "",
    time_problem: str = "",
) -> RouteMeasured:
    """Return a route of which this became."""
    return RouteMeasured(
        benchmark="route:work",
        state=state,
        work=decision(work) if work else None,
        time=decision(time) if time else None,
        problem=problem,
        time_problem=time_problem,
    )


def work(found: RouteMeasured, *, enforced: bool = True) -> Measured | None:
    """Return the outcome about work."""
    both = RoutesMeasured(routes=(found,))
    return next(route_outcomes.measured(both, Part.ROUTES, enforced=enforced), None)


def time(found: RouteMeasured, *, enforced: bool = True) -> Measured | None:
    """Return the outcome about time."""
    both = RoutesMeasured(routes=(found,))
    return next(route_outcomes.measured(both, Part.ROUTES_WALL, enforced=enforced), None)


@pytest.mark.parametrize("enforced", [True, False])
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer.SLOWER, Outcome.DECIDED),
        (Answer.NOT_SLOWER, Outcome.DECIDED),
        (Answer.UNDECIDED, Outcome.UNDECIDED),
        (None, Outcome.UNDECIDED),
    ],
)
def test_a_decision_about_work_is_the_outcome(
    answer: Answer | None, outcome: Outcome, enforced: bool
) -> None:
    found = work(route(work=answer), enforced=enforced)
    assert found is not None
    assert (found.benchmark.id, found.outcome, found.clocks) == ("route:work", outcome, ("cpu_per_request",))
    assert found.slower is (answer is Answer.SLOWER)


def test_a_decision_about_time_has_a_name_of_its_own_and_is_missed_only_where_it_is_enforced() -> None:
    slower = time(route(time=Answer.SLOWER))
    assert slower is not None
    assert (slower.benchmark.id, slower.outcome, slower.slower) == ("route:work/wall", Outcome.DECIDED, True)
    assert time(route(time=Answer.SLOWER), enforced=False) == slower
    for answer in (Answer.UNDECIDED, None):
        missed = time(route(time=answer))
        assert missed is not None
        assert (missed.outcome, missed.problem) == (Outcome.UNDECIDED, "pairs")
        assert time(route(time=answer), enforced=False) is None


def test_times_that_are_the_generators_are_an_error_only_where_they_are_enforced() -> None:
    bound = route(work=Answer.NOT_SLOWER, time_problem="generator-bound: too slow")
    found = time(bound)
    assert found is not None
    assert (found.outcome, found.problem, found.detail) == (Outcome.ERROR, "generator-bound", "too slow")
    assert time(bound, enforced=False) is None
    assert work(bound) is not None


@pytest.mark.parametrize(
    ("state", "problem", "enforced", "outcome", "name"),
    [
        (RouteState.MEASURED, "worker-restarts: x", True, Outcome.ERROR, "worker-restarts"),
        (RouteState.MEASURED, "worker-restarts: x", False, Outcome.UNDECIDED, "worker-restarts"),
        (RouteState.MEASURED, "undecided: x", True, Outcome.UNDECIDED, "seconds"),
        (RouteState.UNMEASURED, "not-measured: x", True, Outcome.NOT_MEASURED, "not-measured"),
        (RouteState.NEW, "", True, Outcome.NEW, ""),
        (RouteState.INCOMPARABLE, "", False, Outcome.INCOMPARABLE, ""),
    ],
)
def test_why_nothing_was_decided_is_the_outcome(
    state: RouteState, problem: str, enforced: bool, outcome: Outcome, name: str
) -> None:
    found = work(route(state, problem=problem), enforced=enforced)
    assert found is not None
    assert (found.outcome, found.problem) == (outcome, name)
    assert found.detail


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (RouteState.IDENTICAL, [State.IDENTICAL]),
        (RouteState.REMOVED, [State.REMOVED]),
        (RouteState.BROKEN, []),
        (RouteState.MEASURED, []),
    ],
)
def test_what_needed_no_measuring_has_a_state(state: RouteState, expected: list[State]) -> None:
    found = route(state, work=Answer.NOT_SLOWER)
    assert [each.state for each in route_outcomes.judged(RoutesMeasured(routes=(found,)))] == expected
    if state is not RouteState.MEASURED:
        assert (work(found), time(found)) == (None, None)
