"""Tests of windows of load, as far as no server is needed."""

from __future__ import annotations

import pytest

from pytest_failhard.gates.performance.routes import windows
from pytest_failhard.gates.performance.routes.evidence import sampled
from pytest_failhard.system.load_counts import Round, RouteCounts


def ended(*moments: float) -> Round:
    """Return a round whose requests ended then, after it began."""
    route = RouteCounts(
        route="work",
        statuses={200: len(moments)},
        errors={},
        expected=len(moments),
        seconds=(),
        ended=tuple(100 + moment for moment in moments),
    )
    return Round(routes=(route,), wall_seconds=3, cpu_seconds=0, process_cpu_seconds=0, began=100)


def test_what_is_answered_at_once_never_waits() -> None:
    assert windows.waiting(ended(0, 0.5, 1, 1.5, 2, 2.5), 2, 3) == (0, 0, 0)


def test_what_is_due_and_not_answered_waits() -> None:
    # Due at 0, 1 and 2; the first is answered after half a second, the others after the end.
    assert windows.waiting(ended(0.5, 3, 4), 1, 3) == pytest.approx((0.5, 1, 2))


def test_a_sample_holds_both_ends_and_not_too_many() -> None:
    assert sampled([1.0, 2.0]) == [1.0, 2.0]
    found = sampled([float(number) for number in range(10_000)])
    assert (len(found), found[0], found[-1]) == (200, 0.0, 9999.0)
    assert found == sorted(found)
