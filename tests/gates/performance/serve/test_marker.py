"""What the marker may say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_failhard import fixtures
from pytest_failhard.gates.performance.serve import marker
from pytest_failhard.gates.performance.settings import PerformanceSettings


def said(*args: object, **kwargs: object) -> marker.Demands:
    return marker.read([(args, kwargs)])


def test_nothing_said() -> None:
    assert marker.read([]) == said() == marker.Demands()


def test_everything_said() -> None:
    demands = said(max_regression=0.1, budget_ms=5, pin=False, clock=["wall", "adj"])
    assert demands == marker.Demands(max_regression="0.1", budget_ms="5", pin=False, clock=("wall", "adj"))


@pytest.mark.parametrize(
    ("number", "text"), [(1e-05, "0.00001"), ("0.10", "0.10"), (Decimal("0.15"), "0.15")]
)
def test_a_number_is_told_as_decimal_text(number: object, text: str) -> None:
    assert said(max_regression=number).max_regression == text


def test_the_closest_holds() -> None:
    demands = marker.read([((), {"clock": "wall"}), ((), {"clock": "cpu", "budget_ms": "2.5"})])
    assert (demands.clock, demands.budget_ms) == (("wall",), "2.5")


@pytest.mark.parametrize(
    ("kwargs", "mistake"),
    [
        ({"max_regresion": 0.1}, "has no max_regresion: it knows max_regression, budget_ms, pin, clock"),
        ({"max_regression": 0.16}, "max_regression is 0.16: it may be lower than 0.15, not higher"),
        ({"max_regression": 0}, "max_regression is 0, not a number above 0"),
        ({"max_regression": True}, "max_regression is True, not a number above 0"),
        ({"max_regression": "little"}, "max_regression is 'little', not a number above 0"),
        ({"max_regression": float("inf")}, "max_regression is inf, not a number above 0"),
        ({"budget_ms": [5]}, "budget_ms is [5], not a number above 0"),
        ({"pin": 0}, "pin is 0, not True or False"),
        ({"clock": "sun"}, "clock is 'sun', not one or several of cpu, cpu_mean, adj, wall"),
        ({"clock": ()}, "clock is (), not one or several of cpu, cpu_mean, adj, wall"),
        ({"clock": 1}, "clock is 1, not one or several of cpu, cpu_mean, adj, wall"),
    ],
    ids=["unknown", "loose", "zero", "truth", "word", "infinite", "list", "pin", "sun", "none", "number"],
)
def test_a_mistake_is_named(kwargs: dict[str, object], mistake: str) -> None:
    assert said(**kwargs) == marker.Demands(mistakes=(mistake,))


def test_all_mistakes_are_named() -> None:
    assert len(said(0.1, pin=1, clock=2).mistakes) == 3


def test_the_loosest_is_that_of_the_policies() -> None:
    assert str(marker.LOOSEST) == PerformanceSettings().max_regression


def test_the_plugin_says_the_same_of_it_without_loading_the_gates() -> None:
    assert marker.HELP in fixtures.MARKERS
