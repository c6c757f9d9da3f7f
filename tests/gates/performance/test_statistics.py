"""Tests of the decision: what it answers to given pairs, how often it errs, and what must not change it."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.gates.performance import statistics
from pytest_failhard.gates.performance.statistics import Decision, State, Terms
from tests.size import FULL

LIMIT = math.log(1.15)
CLOCKS = ("cpu", "cpu_mean", "adj")


def terms(benchmarks: int = 5, limit: str = "1.15", **changes: int) -> Terms:
    """Return the terms of level 3."""
    return Terms(limit=Fraction(limit), benchmarks=benchmarks, final_width=Fraction("0.10"), **changes)


def by_cpu(values: Sequence[float], under: Terms | None = None) -> Decision | None:
    """Decide by one clock alone."""
    return statistics.decide([{"cpu": value} for value in values], ("cpu",), under or terms())


def answer(decision: Decision | None) -> Decision:
    """Return a decision that there must be."""
    assert decision is not None
    return decision


@pytest.mark.parametrize(
    ("confidence", "table"),
    [
        (0.98, {2: 6.965, 3: 4.541, 4: 3.747, 5: 3.365, 6: 3.143, 7: 2.998, 10: 2.764, 11: 2.718, 23: 2.5}),
        (0.995, {2: 14.089, 5: 4.773, 11: 3.497, 23: 3.104}),
        (0.5, {1: 1.0}),
    ],
)
def test_quantiles_are_those_of_the_printed_tables(confidence: float, table: Mapping[int, float]) -> None:
    assert {degrees: round(statistics.student(confidence, degrees), 3) for degrees in table} == table


class TestAnswers:
    def test_two_pairs_decide_nothing(self) -> None:
        assert by_cpu([0.0, 0.0]) is None

    def test_equal_pairs_pass_at_once(self) -> None:
        decision = answer(by_cpu([0.0, 0.0, 0.0]))

        assert decision == Decision(
            state=State.NOT_SLOWER,
            pairs=3,
            ratio=Fraction(1),
            clock="cpu",
            estimates={"cpu": statistics.Estimate(pairs=3, ratio=1.0, low=1.0, high=1.0, spread=0.0)},
        )

    def test_what_is_slower_waits_for_three_pairs_that_agree(self) -> None:
        slow = [math.log(1.3)] * 6

        assert by_cpu(slow[:5]) is None
        decision = answer(by_cpu(slow))
        assert (decision.state, decision.pairs, decision.ratio) == (State.SLOWER, 6, Fraction("1.3"))
        assert decision.alarms == (statistics.Alarm(pair=3, clock="cpu", kept=True),)

    def test_an_alarm_that_is_not_confirmed_is_noted_and_the_measuring_goes_on(self) -> None:
        decision = answer(by_cpu([math.log(1.3)] * 3 + [0.0] * 24))

        assert decision.state is State.NOT_SLOWER
        assert decision.alarms[0] == statistics.Alarm(pair=3, clock="cpu", kept=False)

    def test_wide_pairs_end_undecided(self) -> None:
        decision = answer(by_cpu([-0.5, 0.5] * 12))

        assert (decision.state, decision.pairs) == (State.UNDECIDED, 24)

    def test_a_confirmation_that_began_with_the_last_pair_still_ends(self) -> None:
        unsure = [0.1, 0.2] * 6

        assert by_cpu([*unsure, 0.4], terms(most=12)) == by_cpu(unsure, terms(most=12))
        # The alarm of the twelfth pair: three more follow it.
        late = [0.12, 0.6, *[0.6] * 10]
        decision = answer(by_cpu([*late, 0.6, 0.6, 0.6], terms(most=12, usual=12)))
        assert decision.state is State.SLOWER

    def test_one_slower_clock_is_enough(self) -> None:
        pair = {"cpu": 0.0, "cpu_mean": 0.0, "adj": math.log(1.2)}

        decision = answer(statistics.decide([pair] * 6, CLOCKS, terms()))

        assert (decision.state, decision.clock) == (State.SLOWER, "adj")
        assert set(decision.estimates) == set(CLOCKS)

    def test_a_clock_without_values_gives_way_to_wall_time_after_twelve_pairs(self) -> None:
        pair = {"cpu": 0.0, "cpu_mean": 0.0, "adj": None, "wall": 0.01}

        assert statistics.decide([pair] * 11, CLOCKS, terms()) is None
        decision = answer(statistics.decide([pair] * 12, CLOCKS, terms()))

        assert decision.state is State.NOT_SLOWER
        assert decision.clock == "wall"
        assert decision.unavailable == {"adj": "0 of 12 pairs have it; wall takes its place"}

    def test_nothing_measured_decides_nothing(self) -> None:
        assert statistics.decide([{"cpu": None}] * 30, ("cpu",), terms()) is None

    def test_an_alarm_of_a_clock_that_falls_silent_is_dropped_in_the_end(self) -> None:
        loud = [{"cpu": 0.0, "adj": math.log(1.3)}] * 3
        silent: list[dict[str, float | None]] = [{"cpu": 0.0, "adj": None}] * 24

        decision = answer(statistics.decide([*loud, *silent], ("cpu", "adj"), terms()))

        assert decision.alarms[0] == statistics.Alarm(pair=3, clock="adj", kept=False)
        assert decision.state is State.UNDECIDED

    def test_late_and_narrow_the_mean_decides_on_either_side(self) -> None:
        above = [LIMIT + 0.03 + sign * 0.02 for sign in (1, -1)] * 6
        below = [LIMIT - 0.005 + sign * 0.02 for sign in (1, -1)] * 6

        assert answer(by_cpu(above)).state is State.SLOWER
        assert answer(by_cpu(below)).state is State.NOT_SLOWER

    def test_a_pass_with_a_wide_interval_is_called_weak(self) -> None:
        wide = [0.02 + sign * 0.14 for sign in (1, -1)] * 12
        exact = Terms(limit=Fraction("1.15"), benchmarks=5, final_width=Fraction("0.05"))

        decision = answer(by_cpu(wide))
        assert decision.state is State.NOT_SLOWER

        near = [LIMIT - 0.02 + sign * 0.12 for sign in (1, -1)] * 12
        assert (answer(by_cpu(near)).state, answer(by_cpu(near)).weak) == (State.NOT_SLOWER, True)
        assert answer(by_cpu(near, exact)).state is State.UNDECIDED

    def test_many_benchmarks_share_the_risk_on_the_side_that_blocks(self) -> None:
        assert terms(5).fail_confidence == terms(1).fail_confidence == 0.98
        assert terms(20).fail_confidence == pytest.approx(0.995)
        # Sure enough for one of five, and not for one of fifty.
        slower = [LIMIT + 0.045 + sign * 0.008 for sign in (1, -1, 0)]
        assert answer(by_cpu(slower * 2)).alarms[0].pair == 3
        assert answer(by_cpu(slower * 8, terms(50))).alarms[0].pair > 3


class TestRounding:
    def test_a_ratio_is_rounded_up(self) -> None:
        assert statistics.rounded_up(1.1500000001) == Fraction("1.150001")
        assert statistics.rounded_up(math.exp(math.log(1.15))) == Fraction("1.15")

    @given(parts=st.integers(-2_000_000, 2_000_000))
    def test_state_and_printed_ratio_never_contradict_each_other(self, parts: int) -> None:
        value = LIMIT + parts * 1e-12

        decision = answer(by_cpu([value + 1e-5, value - 1e-5] * 12))

        assert (decision.state is State.SLOWER) == (decision.ratio > Fraction("1.15"))


LOGS = st.lists(st.floats(-0.6, 0.6), min_size=27, max_size=27)


class TestInvariants:
    @given(values=LOGS, shift=st.floats(0, 0.5))
    def test_more_slowness_never_turns_slower_into_not_slower(
        self, values: list[float], shift: float
    ) -> None:
        shifted = by_cpu([value + shift for value in values])

        if answer(by_cpu(values)).state is State.SLOWER:
            assert answer(shifted).state is not State.NOT_SLOWER

    @given(values=st.lists(st.tuples(*[st.floats(-0.3, 0.3)] * 3), min_size=27, max_size=27))
    def test_the_order_of_the_clocks_means_nothing(self, values: list[tuple[float, float, float]]) -> None:
        pairs = [dict(zip(CLOCKS, each, strict=True)) for each in values]

        one, other = (answer(statistics.decide(pairs, order, terms())) for order in (CLOCKS, CLOCKS[::-1]))

        assert (one.state, one.pairs, one.ratio) == (other.state, other.pairs, other.ratio)

    @given(values=LOGS)
    def test_pairs_after_the_answer_do_not_change_it(self, values: list[float]) -> None:
        decision = answer(by_cpu(values))

        assert by_cpu(values[: decision.pairs]) == decision
        assert by_cpu(values[: decision.pairs - 1]) is None

    @given(values=LOGS)
    def test_every_mean_lies_on_the_side_of_its_state(self, values: list[float]) -> None:
        decision = answer(by_cpu(values))

        if decision.state is State.SLOWER:
            assert decision.ratio > Fraction("1.15")
        if decision.state is State.NOT_SLOWER:
            assert decision.ratio <= Fraction("1.15")


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.06, 0.10])
def test_identical_code_practically_never_fails(spread: float) -> None:
    generator = random.Random(f"identical {spread}")
    draws = 20_000 if FULL else 400

    states = [answer(by_cpu([generator.gauss(0, spread) for _ in range(27)])).state for _ in range(draws)]

    assert states.count(State.SLOWER) * 1000 <= draws


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.06])
def test_a_fifth_more_is_found(spread: float) -> None:
    generator = random.Random(f"slower {spread}")
    slower = math.log(1.2)
    draws = 5_000 if FULL else 150

    states = [
        answer(by_cpu([generator.gauss(slower, spread) for _ in range(27)])).state for _ in range(draws)
    ]

    assert states.count(State.SLOWER) * 100 >= 98 * draws
