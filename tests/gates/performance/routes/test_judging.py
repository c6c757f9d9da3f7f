"""Tests of what pairs of servers say, with made-up windows."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from pytest_failhard.gates.performance.routes import judging as route_judging
from pytest_failhard.gates.performance.routes.judging import (
    CPU_PER_REQUEST,
    P50,
    SECONDS_PER_REQUEST,
    Judged,
    Verdicts,
)
from pytest_failhard.gates.performance.routes.windows import LoadedPair, OpenPass, Window
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.statistics import State, Terms
from pytest_failhard.system.load_counts import RouteCounts

TERMS = Terms(limit=Fraction(115, 100), benchmarks=1, final_width=Fraction(1, 10))


def counts(route: str = "work", right: int = 100, wrong: int = 0, second: float = 0.002) -> RouteCounts:
    """Return what a route answered."""
    return RouteCounts(
        route=route, statuses={200: right, 429: wrong}, errors={}, expected=right, seconds=(second,) * right
    )


def window(side: SideName, *, cpu: int | None = 1_000_000, routes: Sequence[RouteCounts] = ()) -> Window:
    """Return a window with `cpu` nanoseconds a request."""
    given = tuple(routes) or (counts(),)
    requests = sum(route.requests for route in given)
    return Window(
        side=side,
        at=0.0,
        wall=0.5,
        cpu=None if cpu is None else cpu * requests,
        routes=given,
        client_cpu=0.0002 * requests,
        process_cpu=0.1,
    )


def pair(base: Sequence[Window], head: Sequence[Window], /, **opened: OpenPass) -> LoadedPair:
    """Return a pair of these windows."""
    passes: Mapping[SideName, OpenPass] = {"base": opened["base"], "head": opened["head"]} if opened else {}
    return LoadedPair(windows=(*base, *head), warm={"base": (), "head": ()}, opened=passes)


def opened(*thirds: float) -> OpenPass:
    """Return a pass at a pace in which so many requests waited."""
    first, second, third = thirds
    return OpenPass(rps=10, seconds=(), thirds=(first, second, third))


def plain(logs: Mapping[str, float | None], *, bound: bool = False) -> Judged:
    """Return a pair of which only these figures matter."""
    return Judged(figures={}, logs=logs, share=0.1, bound=bound)


class TestJudged:
    """One pair, reduced."""

    def test_each_clock_is_the_ratio_of_the_medians_over_the_windows(self) -> None:
        base = [window("base", cpu=each) for each in (1_000_000, 9_000_000, 2_000_000)]
        slow = counts(right=50, second=0.004)
        head = [window("head", cpu=each, routes=[slow]) for each in (3_000_000, 1_000_000, 4_000_000)]
        found = route_judging.judged(pair(base, head), "work")
        assert dict(found.figures["base"].by_clock) == {
            CPU_PER_REQUEST: 2_000_000,
            SECONDS_PER_REQUEST: 5_000_000,
            P50: 2_000_000,
        }
        expected = {CPU_PER_REQUEST: 1.5, SECONDS_PER_REQUEST: 2.0, P50: 2.0}
        assert {clock: math.exp(value or 0) for clock, value in found.logs.items()} == pytest.approx(expected)
        assert (found.bound, found.restarted) == (False, ())
        assert found.share == pytest.approx(0.2)

    def test_the_median_is_that_of_the_route_itself(self) -> None:
        both = [counts("create", second=0.1), counts("work", second=0.001)]
        base, head = [window("base", routes=both)], [window("head", routes=both)]
        assert route_judging.judged(pair(base, head), "work").figures["base"].p50 == 1_000_000
        assert route_judging.judged(pair(base, head), "").figures["base"].p50 == 1_000_000
        assert route_judging.judged(pair(base, head), "create").figures["base"].p50 == 100_000_000

    def test_what_answers_nothing_has_no_figures(self) -> None:
        nothing = counts(right=0)
        found = route_judging.judged(pair([window("base")], [window("head", routes=[nothing])]), "work")
        assert set(found.logs.values()) == {None}

    def test_windows_in_which_processes_came_or_went_do_not_count(self) -> None:
        some = [window("base", cpu=None)] * 2 + [window("base")] * 4
        many = [window("head", cpu=None)] * 3 + [window("head")] * 3
        found = route_judging.judged(pair(some, many), "work")
        assert (found.logs[CPU_PER_REQUEST], found.restarted) == (0, ("head",))

    @pytest.mark.parametrize("change", [{"process_cpu": 0.4}, {"client_cpu": 0.16}])
    def test_times_are_not_judged_where_the_generator_is_the_slower_one(
        self, change: dict[str, float]
    ) -> None:
        head = replace(window("head"), **change)  # type: ignore[arg-type]  # both are floats
        found = route_judging.judged(pair([window("base")], [head]), "work")
        assert found.bound
        assert found.logs == {CPU_PER_REQUEST: 0, SECONDS_PER_REQUEST: None, P50: None}


class TestErrors:
    """Requests that newly fail."""

    @staticmethod
    def failing(base: tuple[int, int], head: tuple[int, int]) -> tuple[str, ...]:
        """Return the routes that fail more, with so many right and wrong answers."""
        first = window("base", routes=[counts(right=base[0], wrong=base[1])])
        second = window("head", routes=[counts(right=head[0], wrong=head[1])])
        return route_judging.fails_more([route_judging.judged(pair([first], [second]), "work")])

    @pytest.mark.parametrize(
        ("base", "head"),
        [
            ((999, 0), (999, 1)),
            ((0, 0), (5, 5)),
            ((990, 10), (900, 100)),
            ((1, 99), (0, 0)),
            ((0, 9), (0, 9)),
        ],
    )
    def test_more_than_the_base_are_found(self, base: tuple[int, int], head: tuple[int, int]) -> None:
        assert bool(self.failing(base, head)) is (head[1] > base[1])

    @pytest.mark.parametrize("head", [(990, 10), (1980, 20), (985, 15), (1000, 0)])
    def test_what_the_base_fails_as_well_is_not(self, head: tuple[int, int]) -> None:
        assert self.failing((990, 10), head) == ()

    @pytest.mark.parametrize(("wrong", "many"), [(0, False), (10, False), (11, True)])
    def test_a_base_that_fails_many_requests_measures_nothing(self, wrong: int, many: bool) -> None:
        first = window("base", routes=[counts(right=100 - wrong, wrong=wrong)])
        found = route_judging.judged(pair([first], [window("head")]), "work")
        assert route_judging.fails_itself(found) is many

    def test_the_tail_of_the_binomial_distribution(self) -> None:
        assert route_judging.tail(4, 3, 0.5) == pytest.approx(5 / 16)
        assert route_judging.tail(3, 3, 1.0) == 1
        assert route_judging.tail(2000, 1, 0.5) == pytest.approx(1)

    def test_a_queue_that_grows_on_head_alone(self) -> None:
        steady, growing = opened(3, 3, 3), opened(3, 9, 20)
        windows = ([window("base")], [window("head")])
        grown = pair(*windows, base=steady, head=growing)
        assert route_judging.queue_grows([grown, grown, grown, pair(*windows)], 8)
        assert not route_judging.queue_grows([grown, grown, pair(*windows)], 8)
        for other in (
            pair(*windows, base=growing, head=growing),
            pair(*windows, base=steady, head=steady),
            pair(*windows, base=steady, head=opened(1, 2, 7)),
        ):
            assert not route_judging.queue_grows([grown, grown, other], 8)


class TestVerdicts:
    """What several pairs say."""

    @staticmethod
    def pairs(ratio: float, spread: float, *, number: int = 24, bound: int = 0) -> list[Judged]:
        """Draw pairs with such a ratio by all clocks."""
        drawn = random.Random(7)
        clocks = (CPU_PER_REQUEST, SECONDS_PER_REQUEST, P50)
        return [
            plain({clock: drawn.gauss(math.log(ratio), spread) for clock in clocks}, bound=each < bound)
            for each in range(number)
        ]

    @pytest.mark.parametrize(
        ("ratio", "state"), [(1.0, State.NOT_SLOWER), (1.05, State.NOT_SLOWER), (1.3, State.SLOWER)]
    )
    def test_work_and_time_are_decided_apart(self, ratio: float, state: State) -> None:
        found = route_judging.verdicts(self.pairs(ratio, 0.03), TERMS)
        assert found.work is not None
        assert found.time is not None
        assert (found.work.state, found.time.state, found.unjudged) == (state, state, "")
        assert found.work.clock == CPU_PER_REQUEST
        assert set(found.time.estimates) == {SECONDS_PER_REQUEST, P50}
        assert found.enough(work=True, time=True)

    def test_a_generator_that_is_too_slow_leaves_work_to_be_judged(self) -> None:
        found = route_judging.verdicts(self.pairs(1.0, 0.03, number=4, bound=3), TERMS)
        assert found.unjudged.startswith("generator-bound: ")
        assert (found.work is not None, found.time) == (True, None)
        assert found.enough(work=True, time=True)
        seldom = route_judging.verdicts(self.pairs(1.0, 0.03, number=4, bound=2), TERMS)
        assert seldom.unjudged == ""

    def test_what_is_not_wanted_is_not_waited_for(self) -> None:
        nothing = Verdicts(work=None, time=None)
        assert not nothing.enough(work=True, time=False)
        assert not nothing.enough(work=False, time=True)
        assert nothing.enough(work=False, time=False)

    def test_all_pairs_are_estimated_also_without_a_decision(self) -> None:
        pairs = [plain({CPU_PER_REQUEST: each, SECONDS_PER_REQUEST: None, P50: 0.0}) for each in (0.1, 0.3)]
        found = route_judging.estimates(pairs)
        assert set(found) == {CPU_PER_REQUEST, P50}
        assert found[CPU_PER_REQUEST].ratio == pytest.approx(math.exp(0.2))
        assert found[CPU_PER_REQUEST].low < math.exp(0.1) < math.exp(0.3) < found[CPU_PER_REQUEST].high
        assert (found[P50].spread, found[P50].low, found[P50].high) == (0, 1, 1)
        assert route_judging.estimates(pairs[:1]) == {}
