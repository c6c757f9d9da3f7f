"""Tests of what the gate proves of itself: that equal sides are equal, and that a slowdown is seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.gates.performance import clocks, prove, statistics
from pytest_failhard.gates.performance.pairs import self_check
from pytest_failhard.gates.performance.pairs.measured import Measured, Outcome
from pytest_failhard.gates.performance.pairs.self_check import both_ways
from pytest_failhard.gates.performance.pairs.series import Conduct, measure
from pytest_failhard.gates.performance.samples import Conditions
from pytest_failhard.gates.performance.statistics import State, Terms
from pytest_failhard.gates.performance.terms import Rule
from pytest_failhard.model import GateError
from tests.gates.performance.duets import ONE, TWO, Played, benchmark, conduct, duet, pair, steady

TERMS = Terms(limit=Fraction("1.15"), benchmarks=1, final_width=Fraction("0.10"))


class TestSelfCheck:
    def test_equal_sides_hold(self) -> None:
        measured = self_check.check(benchmark(), Played(steady(1.0)), conduct())

        assert measured.outcome is Outcome.DECIDED

    @pytest.mark.parametrize("ratio", [1.3, 1 / 1.3])
    def test_a_side_that_is_slower_than_itself_makes_the_machine_unfit(self, ratio: float) -> None:
        found = Conditions(load=6.2, delay=0.48, steal=0.0)
        loaded = replace(pair(1, ratio), conditions=found)

        with pytest.raises(GateError, match=r"^machine-unfit: ") as caught:
            self_check.check(benchmark(), Played(steady(1.0), pairs={ONE: loaded}), conduct())

        assert ONE in str(caught.value)
        assert "interval" in str(caught.value)
        assert "load 6.2, 48 % of wall spent queueing" in str(caught.value)

    def test_a_machine_that_cannot_tell_is_unfit(self) -> None:
        play = Played(lambda _, number: 2.0 if number % 2 else 0.6)

        with pytest.raises(GateError, match=r"^machine-unfit: .*after 24 pairs"):
            self_check.check(benchmark(), play, conduct())

    def test_noise_of_the_clock_is_never_a_slowdown(self, tmp_path: Path) -> None:
        noisy = duet(tmp_path, both={"noise": 0.6})
        under = conduct(remaining=noisy.run.remaining, rule=Rule(usual=4, most=4))

        with pytest.raises(GateError, match=r"^machine-unfit: .*after 4 pairs, interval"):
            self_check.check(benchmark(), noisy.play, under)
        (measured,) = measure([benchmark()], noisy.play, under)
        assert measured.outcome is Outcome.UNDECIDED

    def test_the_one_with_the_largest_spread_is_chosen(self) -> None:
        play = Played(lambda name, number: 1 + (0.01 if name == ONE else 0.02) * (number % 2))
        measured = measure([benchmark(), benchmark(TWO)], play, conduct())

        assert self_check.chosen(measured) == benchmark(TWO)
        assert self_check.chosen([Measured(benchmark=benchmark(), outcome=Outcome.NEW)]) is None

    def test_both_ways_mirror_each_other(self) -> None:
        faster = [{"cpu": -math.log(1.3), "adj": None}] * 6
        decision = both_ways(faster, ("cpu",), TERMS)

        assert decision is not None
        assert decision.state is State.SLOWER
        assert both_ways(faster[:3], ("cpu",), TERMS) is None
        assert both_ways([{"cpu": 0.0}] * 2, ("cpu",), TERMS) is None


class Twins:
    """Pairs of equal sides, of which the second is slowed down by what was injected."""

    def __init__(self, seen: Mapping[str, float] | None = None) -> None:
        self.seen = {"cpu": 1.0, "wall": 1.0} | dict(seen or {})
        self.injected: list[Mapping[str, float]] = []

    def __call__(self, inject: Mapping[str, float]) -> Played:
        """Return what plays them."""
        self.injected.append(inject)
        more = {what: share * self.seen[what] for what, share in inject.items()}
        worked = Played(steady(1 + more.get("cpu", 0.0)))
        waited = pair(1, 1.0, wait=1_000_000)
        slowed = [
            replace(batch, wall=round(batch.wall * ratio), adj=round(batch.wall * ratio))
            for ratio in [1 + more.get("wall", 0.0)]
            for batch in waited.head.batches
        ]
        if "wall" in inject:
            worked.changes = {
                "pairs": {ONE: replace(waited, head=replace(waited.head, batches=tuple(slowed)))}
            }
        return worked


class TestProof:
    def test_a_gate_that_works_is_proved(self) -> None:
        twins = Twins()

        found = prove.prove([benchmark()], twins, conduct())

        assert twins.injected == [{"cpu": 0.3}, {"wall": 0.3}]
        assert [each.slower for each in found] == [True, True]
        assert [each.decision.clock for each in found if each.decision] == ["cpu_mean", "adj"]

    @pytest.mark.parametrize(
        ("twins", "under", "what"),
        [
            (Twins({"cpu": 0.0}), conduct(), "more work in"),
            (Twins({"wall": 0.0}), conduct(), "more waiting in"),
            (Twins(), conduct(rule=Rule(max_regression=Fraction(9))), "more work in"),
        ],
        ids=["no work injected", "no waiting injected", "a limit of 10"],
    )
    def test_a_gate_that_is_blind_is_found_out(self, twins: Twins, under: Conduct, what: str) -> None:
        with pytest.raises(GateError, match=rf"^prove-failed: 30 % {what} {ONE} .*not-slower"):
            prove.prove([benchmark()], twins, under)

    def test_without_a_clock_that_sees_waiting_nothing_is_proved(self) -> None:
        # The clocks of work alone, whatever the series asks for.
        blind = conduct(decide=lambda logs, _, terms: statistics.decide(logs, ("cpu", "cpu_mean"), terms))

        with pytest.raises(
            GateError, match=r"^prove-failed: 30 % more waiting .* by cpu_mean it was not-slower"
        ):
            prove.prove([benchmark()], Twins(), blind)

    def test_what_is_not_decided_proves_nothing(self) -> None:
        with pytest.raises(GateError, match=r"^prove-failed: .*its call is too long"):
            prove.prove([benchmark()], lambda _: Played(steady(1.0), pairs={}), conduct())

    @pytest.mark.parametrize("slowdown", prove.SLOWDOWNS.values())
    def test_a_slowdown_over_processes(self, tmp_path: Path, slowdown: prove.Slowdown) -> None:
        waiting = duet(tmp_path, base={"waits": {ONE: 500_000}})

        result = waiting.twins(waiting.trees.base, slowdown.inject).play([benchmark()], 1)

        logs = clocks.logs(result.pairs[ONE])
        seen = {name for name, value in logs.items() if value == pytest.approx(math.log(1.3), abs=1e-5)}
        assert seen == ({"cpu", "cpu_mean"} if "cpu" in slowdown.inject else {"adj", "wall"})
        assert logs["cpu"] == 0.0 or "cpu" in slowdown.inject
