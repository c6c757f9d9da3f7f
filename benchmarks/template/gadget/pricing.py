"""What a lease of a gadget costs: days, seasons, discounts, and a deposit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from benchmarks.template.gadget.records import Gadget, Lease

CENT = Decimal("0.01")
DAILY_SHARE = Decimal("0.015")
DEPOSIT_SHARE = Decimal("0.2")
LEAST_DEPOSIT = Decimal("10.00")


class PricingError(Exception):
    """A table of prices contradicts itself."""


@dataclass(frozen=True, kw_only=True)
class Season:
    """Days on which all is dearer or cheaper."""

    first: date
    last: date
    factor: Decimal


@dataclass(frozen=True, kw_only=True)
class Discount:
    """From so many days on, this share is taken off."""

    days: int
    share: Decimal


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a lease costs, and why."""

    days: int
    full: Decimal
    discount: Decimal
    deposit: Decimal

    @property
    def total(self) -> Decimal:
        """What is to be paid, the deposit apart."""
        return self.full - self.discount


class Prices:
    """Seasons and discounts that were found to be sound."""

    def __init__(self, seasons: Sequence[Season], discounts: Sequence[Discount]) -> None:
        self._seasons = sorted(seasons, key=lambda each: each.first)
        self._discounts = sorted(discounts, key=lambda each: each.days, reverse=True)
        for before, after in zip(self._seasons, self._seasons[1:], strict=False):
            if after.first <= before.last:
                raise PricingError(f"two seasons hold on {after.first}")
        for discount in self._discounts:
            if not 0 < discount.share < 1:
                raise PricingError(f"{discount.share} is no share")

    def factor(self, day: date) -> Decimal:
        """Return the factor of a day; outside all seasons it is 1."""
        found = (season.factor for season in self._seasons if season.first <= day <= season.last)
        return next(found, Decimal(1))

    def share(self, days: int) -> Decimal:
        """Return the share that so many days take off."""
        found = (discount.share for discount in self._discounts if days >= discount.days)
        return next(found, Decimal(0))

    def bill(self, gadget: Gadget, lease: Lease) -> Bill:
        """Return what a lease costs."""
        daily = gadget.price * DAILY_SHARE
        days = [lease.first + timedelta(days=number) for number in range(lease.days)]
        full = rounded(sum((daily * self.factor(day) for day in days), Decimal(0)))
        return Bill(
            days=lease.days,
            full=full,
            discount=rounded(full * self.share(lease.days)),
            deposit=max(rounded(gadget.price * DEPOSIT_SHARE), LEAST_DEPOSIT),
        )


def rounded(amount: Decimal) -> Decimal:
    """Return an amount in whole cents."""
    return amount.quantize(CENT, ROUND_HALF_UP)
