"""Bills add up to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from benchmarks.template.gadget.pricing import Discount, Prices, PricingError, Season
from benchmarks.template.gadget.records import Gadget, Lease

ONE = Gadget(number=1, name="one", price=Decimal(100))
SUMMER = Season(first=date(2024, 6, 1), last=date(2024, 8, 31), factor=Decimal(2))
PRICES = Prices([SUMMER], [Discount(days=3, share=Decimal("0.1")), Discount(days=10, share=Decimal("0.5"))])


@pytest.mark.parametrize(
    ("first", "days", "full", "discount"),
    [(1, 1, "1.50", "0.00"), (1, 4, "6.00", "0.60"), (22, 10, "15.00", "7.50"), (31, 2, "4.50", "0.00")],
)
def test_a_bill(first: int, days: int, full: str, discount: str) -> None:
    begin = date(2024, 5, first)
    bill = PRICES.bill(
        ONE, Lease(holder="ada", first=begin, last=date.fromordinal(begin.toordinal() + days - 1))
    )
    assert (bill.days, str(bill.full), str(bill.discount)) == (days, full, discount)
    assert bill.total == Decimal(full) - Decimal(discount)
    assert bill.deposit == Decimal(20)


def test_seasons_must_not_overlap() -> None:
    with pytest.raises(PricingError, match="two seasons hold on 2024-06-01"):
        Prices([SUMMER, SUMMER], [])


def test_a_discount_is_a_share() -> None:
    with pytest.raises(PricingError, match="2 is no share"):
        Prices([], [Discount(days=1, share=Decimal(2))])
