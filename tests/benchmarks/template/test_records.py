"""A gadget is never in two states, nor with two people."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from benchmarks.template.gadget.records import Gadget, GadgetError, Lease, State, by_label

MAY = Lease(holder="ada", first=date(2024, 5, 1), last=date(2024, 5, 31))
JUNE = Lease(holder="bob", first=date(2024, 6, 1), last=date(2024, 6, 2))


def gadget(number: int = 1, *labels: str) -> Gadget:
    return Gadget(number=number, name="one", price=Decimal(10), labels=frozenset(labels))


@pytest.mark.parametrize(
    ("number", "name", "price"), [(0, "one", "1"), (1, "  ", "1"), (1, "x" * 121, "1"), (1, "one", "-1")]
)
def test_what_cannot_be_is_refused(number: int, name: str, price: str) -> None:
    with pytest.raises(GadgetError, match=r"gadget|number"):
        Gadget(number=number, name=name, price=Decimal(price))


@pytest.mark.parametrize(("last", "why"), [(date(2024, 4, 30), "before"), (date(2027, 1, 1), "longer")])
def test_a_lease_has_its_bounds(last: date, why: str) -> None:
    with pytest.raises(GadgetError, match=why):
        Lease(holder="ada", first=date(2024, 5, 1), last=last)


def test_states_follow_each_other() -> None:
    stored = gadget().moved(State.STORED)
    assert stored.moved(State.LENT).moved(State.STORED) == stored
    with pytest.raises(GadgetError, match="cannot be lent"):
        stored.moved(State.RETIRED).moved(State.LENT)


def test_two_leases_never_overlap() -> None:
    both = gadget().lent(JUNE).lent(MAY)
    assert both.leases == (MAY, JUNE)
    assert MAY.days == 31
    assert [both.holder(day) for day in (MAY.last, JUNE.first, date(2024, 7, 1))] == ["ada", "bob", None]
    with pytest.raises(GadgetError, match="is with ada until 2024-05-31"):
        both.lent(Lease(holder="eve", first=MAY.last, last=MAY.last))


def test_labels_name_their_gadgets() -> None:
    first, second = gadget(1, "red"), gadget(2, "red", "big")
    assert by_label([second, first]) == {"red": [first, second], "big": [second]}
