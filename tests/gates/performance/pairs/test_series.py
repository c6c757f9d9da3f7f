"""Tests of a series: who leaves the list when, and how each ends that is not decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.duet import Result
from pytest_failhard.gates.performance.pairs import series
from pytest_failhard.gates.performance.pairs.measured import Measured, Outcome, Product
from pytest_failhard.gates.performance.pairs.series import measure
from pytest_failhard.gates.performance.samples import Conditions, Failure, Pair
from pytest_failhard.gates.performance.statistics import State
from pytest_failhard.gates.performance.terms import Rule
from pytest_failhard.model import GateError
from tests.gates.performance.duets import ONE, TWO, Played, benchmark, conduct, duet, pair, sample, steady


def one(play: series.Play, under: series.Conduct | None = None) -> Measured:
    """Measure one benchmark."""
    (measured,) = measure([benchmark()], play, under or conduct())
    return measured


def wild(_: str, number: int) -> float:
    """Return pairs that do not agree at all."""
    return 2.0 if number % 2 else 0.6


class TestDecisions:
    def test_the_decided_leave_the_list(self) -> None:
        play = Played(lambda name, number: steady(1.0 if name == ONE else 1.4)(name, number))

        same, slower = measure([benchmark(), benchmark(TWO)], play, conduct())

        assert (same.outcome, same.slower, len(same.pairs)) == (Outcome.DECIDED, False, 3)
        assert (slower.outcome, slower.slower, len(slower.pairs)) == (Outcome.DECIDED, True, 6)
        assert play.asked == [
            (1, [ONE, TWO]),
            (2, [ONE, TWO]),
            (3, [ONE, TWO]),
            (4, [TWO]),
            (5, [TWO]),
            (6, [TWO]),
        ]
        assert (same.seconds, slower.seconds) == (3.0, 6.0)
        assert slower.clocks == ("cpu", "cpu_mean", "adj")
        assert 0 < slower.spread < 0.01

    def test_a_stricter_limit_of_its_own_counts_and_a_looser_one_does_not(self) -> None:
        strict, loose = benchmark(limit="0.05"), benchmark(TWO, limit="0.50")

        found = measure([strict, loose], Played(steady(1.1)), conduct())

        assert [each.slower for each in found] == [True, False]
        assert measure([loose], Played(steady(1.3)), conduct())[0].slower

    def test_pairs_that_do_not_agree_end_undecided(self) -> None:
        measured = one(Played(wild))

        assert (measured.outcome, measured.problem, len(measured.pairs)) == (Outcome.UNDECIDED, "pairs", 24)
        assert measured.decision is not None
        assert measured.decision.state is State.UNDECIDED

    def test_time_that_is_over_ends_undecided(self) -> None:
        measured = one(Played(wild), conduct(rule=Rule(max_seconds=4.5)))

        assert (measured.outcome, measured.problem, len(measured.pairs)) == (Outcome.UNDECIDED, "seconds", 5)
        assert measured.decision is not None
        assert (measured.decision.state, measured.decision.pairs) == (State.UNDECIDED, 5)
        assert set(measured.decision.estimates) == {"cpu", "cpu_mean", "adj"}

    def test_the_start_of_processes_is_no_time_of_a_benchmark(self) -> None:
        measured = one(Played(wild, share=0.75), conduct(rule=Rule(max_seconds=4.5)))

        assert (measured.problem, len(measured.pairs), measured.seconds) == ("seconds", 19, 19.0)

    def test_one_pair_says_nothing(self) -> None:
        measured = one(Played(wild), conduct(rule=Rule(max_seconds=0.5)))

        assert (measured.problem, len(measured.pairs)) == ("seconds", 1)
        assert (measured.decision, measured.spread, measured.slower) == (None, 0.0, False)

    def test_a_call_too_long_for_its_time_ends_undecided(self) -> None:
        measured = one(Played(steady(1.0), pairs={}))

        assert (measured.outcome, measured.problem, measured.pairs) == (Outcome.UNDECIDED, "too-long", ())

    def test_unpinned_ones_are_measured_by_wall_time(self) -> None:
        play = Played(steady(1.0))

        free, bound = measure([benchmark(pin=False), benchmark(TWO)], play, conduct())

        assert [names for _, names in play.asked] == [[ONE, TWO]] * 3
        assert free.clocks == ("cpu", "cpu_mean", "wall")
        assert bound.clocks == ("cpu", "cpu_mean", "adj")

    def test_a_marker_adds_clocks(self) -> None:
        (measured,) = measure([benchmark(clocks=("wall", "cpu"))], Played(steady(1.0)), conduct())

        assert measured.clocks == ("cpu", "cpu_mean", "adj", "wall")

    def test_without_the_accounts_of_the_scheduler_wall_time_takes_their_place(self) -> None:
        measured = one(Played(steady(1.0), adjusted=False, why_not="no schedstat"))

        assert (measured.clocks[-1], measured.unadjusted) == ("wall", "no schedstat")

    def test_nothing_to_measure(self) -> None:
        assert measure([], Played(steady(1.0)), conduct()) == ()


class TestErrors:
    def test_a_clock_that_does_not_move(self) -> None:
        still = replace(pair(1, 1.0), base=sample(0, 0, 0))

        measured = one(Played(steady(1.0), pairs={ONE: still}))

        assert (measured.outcome, measured.problem) == (Outcome.ERROR, "below-resolution")
        assert "the clock cpu did not move" in measured.detail

    def test_a_call_that_grows_with_use(self) -> None:
        growing = replace(pair(1, 1.0), base=sample(10, 11, 12, 13), head=sample(10, 11, 12, 13))

        measured = one(Played(steady(1.0), pairs={ONE: growing}))

        assert (measured.outcome, measured.problem) == (Outcome.ERROR, "drifting-benchmark")
        assert len(measured.pairs) == 6

    def test_a_machine_that_got_slower_for_a_while_is_not_taken_for_it(self) -> None:
        growing = replace(pair(1, 1.0), base=sample(10, 11, 12, 13), head=sample(10, 11, 12, 13))
        slowing, steadied = Played(steady(1.0), pairs={ONE: growing}), Played(steady(1.0))

        measured = one(lambda benchmarks, number: (slowing if number < 5 else steadied)(benchmarks, number))

        assert measured.outcome is Outcome.DECIDED
        assert len(measured.pairs) == 5

    def test_a_machine_that_was_held_back_decides_all_the_same_where_pairs_agree(self) -> None:
        held = Conditions(throttled=2, periods=10)

        def play(found: Played) -> series.Play:
            return lambda benchmarks, number: _under(found(benchmarks, number), held)

        assert one(play(Played(steady(1.0)))).outcome is Outcome.DECIDED
        measured = one(play(Played(wild)))
        assert (measured.outcome, measured.problem) == (Outcome.ERROR, "throttled")
        assert measured.decision is not None

    def test_a_failure_ends_a_benchmark_and_no_other(self) -> None:
        failure = Failure(kind="failed", phase="call", error="TypeError", message="unexpected keyword")
        play = Played(steady(1.0), failures={TWO: {"base": failure}})

        fine, failed = measure(
            [benchmark(), benchmark(TWO)], play, conduct(product=Product(packages=("app",)))
        )

        assert fine.outcome is Outcome.DECIDED
        assert (failed.outcome, failed.base_failure, failed.head_failure) == (
            Outcome.INCOMPARABLE,
            failure,
            None,
        )
        assert play.asked[1] == (2, [ONE])

    def test_the_gate_gives_up_early_where_its_time_cannot_be_enough(self) -> None:
        long = Played(steady(1.0), call_seconds={ONE: 0.1, TWO: 0.5})

        with pytest.raises(
            GateError, match=rf"too short for the pairs that 2 .*slowest calls: {TWO}, {ONE};"
        ):
            measure([benchmark(), benchmark(TWO)], long, conduct(remaining=lambda: 3.9))

        assert [number for number, _ in long.asked] == [1]

    def test_time_for_the_fewest_pairs_is_enough_to_go_on(self) -> None:
        assert one(Played(steady(1.0)), conduct(remaining=lambda: 2.0)).outcome is Outcome.DECIDED


def test_a_series_over_processes(tmp_path: Path) -> None:
    script = {"ids": [ONE, TWO], "noise": 0.01}
    played = duet(tmp_path, both=script, head={"waits": {TWO: 600_000}}, base={"waits": {TWO: 100}})

    same, waits = measure([benchmark(), benchmark(TWO)], played.play, conduct(remaining=played.run.remaining))

    assert (same.outcome, same.slower) == (Outcome.DECIDED, False)
    assert waits.slower
    assert waits.decision is not None
    assert waits.decision.clock == "adj"
    assert waits.decision.ratio > Fraction("1.5")


def _under(result: Result, conditions: Conditions) -> Result:
    pairs: Mapping[str, Pair] = {
        name: replace(found, conditions=conditions) for name, found in result.pairs.items()
    }
    return replace(result, pairs=pairs)
