"""Every method says of known calls what it must."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest

from benchmarks.performance_gate import methods
from benchmarks.performance_gate.methods import (
    gate_logs,
    gate_rule,
    mann_whitney,
    mean_above,
    mean_surely_above,
    not_above,
    of_processes,
    sequential,
    slower_by_ranks,
    slower_by_resampling,
)
from pytest_failhard.gates.performance.statistics import State
from tests.benchmarks.recordings import BASE_US, calls

SLOWER = math.log(1.3)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        ([1, 2, 3], [4, 5, 6], 0.1),
        (range(10), range(10, 20), 2 / 184756),
        ([1, 4], [2, 3], 1.0),
        # With ties: U 6, variance 16 / 12 * (9 - 48 / 56), continuity 0.5.
        ([1, 1, 2, 3], [1, 2, 2, 5], 0.6489418),
        ([7, 7], [7, 7], 1.0),
    ],
)
def test_the_rank_sum_test_is_exact_without_ties(first: list[int], second: list[int], p: float) -> None:
    assert mann_whitney(first, second) == pytest.approx(p)
    assert mann_whitney(second, first) == pytest.approx(p)


def test_the_normal_form_is_near_the_exact_one() -> None:
    first = [*range(0, 40, 2), 101.5]
    second = [*range(9, 49, 2), 100.5]
    assert mann_whitney(first, second) == pytest.approx(mann_whitney(first[:-1], second[:-1]), abs=0.02)


@pytest.mark.parametrize(("base", "head"), [([3, 1, 2], [2, 4, 3]), ([5, 1], [1, 6]), ([1], [1])])
def test_resampling_is_counted_out(base: list[int], head: list[int]) -> None:
    medians = [
        [statistics.median(drawn) for drawn in itertools.product(values, repeat=len(values))]
        for values in (base, head)
    ]
    pairs = list(itertools.product(*medians))
    assert not_above(base, head) == pytest.approx(sum(b >= h for b, h in pairs) / len(pairs))


def test_a_series_ends_as_soon_as_it_is_clear() -> None:
    assert sequential([0.0] * 12) == methods.Outcome(state=State.NOT_SLOWER, pairs=3)
    assert sequential([SLOWER] * 12) == methods.Outcome(state=State.SLOWER, pairs=3)
    assert sequential([-1.0, 1.0] * 6) == methods.Outcome(state=State.UNDECIDED, pairs=12)
    near = [0.15, 0.17, 0.13, 0.18, 0.14, 0.16] * 2
    assert sequential(near) == methods.Outcome(state=State.SLOWER, pairs=12)
    assert sequential([each - 0.03 for each in near]) == methods.Outcome(state=State.NOT_SLOWER, pairs=12)
    assert sequential(near[:5]) is None


def test_the_gate_decides_by_its_own_rule() -> None:
    base = calls(BASE_US)
    same, slower = (gate_logs(base, calls(BASE_US * ratio), 1) for ratio in (1, 1.3))
    assert set(same) == {"cpu", "cpu_mean", "adj", "wall"}
    assert gate_rule([same] * 27) == methods.Outcome(state=State.NOT_SLOWER, pairs=3)
    # Three pairs raise the alarm, three confirm it.
    assert gate_rule([slower] * 27) == methods.Outcome(state=State.SLOWER, pairs=6)
    assert gate_rule([slower] * 5) is None
    assert gate_logs(base, calls(BASE_US, adjusted=False), 1)["adj"] is None


def test_one_pair_is_enough_for_who_asks_no_more() -> None:
    base, near, far = (calls(BASE_US * ratio) for ratio in (1, 1.1, 1.3))
    assert slower_by_ranks(base, near, 0.002)
    assert slower_by_resampling(base, near)
    assert not slower_by_ranks(near, base, 0.05)
    assert not slower_by_resampling(base, base)
    above = methods.above("wall", methods.median)
    assert (above(base, near), above(base, far)) == (False, True)
    assert of_processes([base] * 5, [far] * 5) == pytest.approx(1.3, abs=0.001)
    assert methods.normalised((base, base), (far, far), "wall", methods.median) == 1


def test_a_mean_above_the_limit_may_still_be_unsure() -> None:
    assert mean_above([0.0, 0.4, 0.1, 0.3, 0.2])
    assert mean_surely_above([0.2, 0.25, 0.15, 0.2, 0.2])
    assert not mean_surely_above([-0.4, 0.9, -0.5, 0.8, 0.3])
    assert methods.fixed([0.2] * 4, 5, mean_above) is None
