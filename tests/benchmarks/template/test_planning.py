"""Wishes are served by their rank, and nobody gets what another one has."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from benchmarks.template.gadget.planning import Wish, fits, free, planned, used
from benchmarks.template.gadget.records import Gadget, Lease, State

FIRST, LAST = date(2024, 5, 1), date(2024, 5, 10)


def gadget(number: int = 1, *spans: tuple[int, int]) -> Gadget:
    leases = (
        Lease(holder="ada", first=date(2024, 5, begin), last=date(2024, 5, end)) for begin, end in spans
    )
    return Gadget(
        number=number, name="one", price=Decimal(1), leases=tuple(leases), labels=frozenset({"red"})
    )


def wish(rank: int, day: int, days: int = 2, label: str = "red") -> Wish:
    return Wish(rank=rank, holder=f"w{rank}", label=label, first=date(2024, 5, day), days=days)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], [(1, 10)]),
        ([(1, 10)], []),
        ([(3, 4), (8, 20)], [(1, 2), (5, 7)]),
        ([(11, 12)], [(1, 10)]),
    ],
)
def test_free_days(spans: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    found = free(gadget(1, *spans), FIRST, LAST)
    assert [(begin.day, end.day) for begin, end in found] == expected


def test_days_before_the_span_do_not_count() -> None:
    assert list(free(gadget(1, (1, 2)), date(2024, 5, 5), LAST)) == [(date(2024, 5, 5), LAST)]


def test_what_is_retired_or_another_is_no_answer() -> None:
    retired = gadget().moved(State.RETIRED)
    assert [fits(each, wish(1, 1)) for each in (gadget(), retired)] == [True, False]
    assert not fits(gadget(), wish(1, 1, label="blue"))


def test_wishes_are_shared_out() -> None:
    plan = planned([gadget(1), gadget(2)], [wish(3, 2), wish(1, 1), wish(2, 1)])
    assert [each.leases[0].holder for each in plan.gadgets] == ["w1", "w2"]
    assert [each.holder for each in plan.refused] == ["w3"]
    assert used(plan.gadgets, FIRST, LAST) == pytest.approx(0.2)
    assert used([], FIRST, LAST) == pytest.approx(0)
