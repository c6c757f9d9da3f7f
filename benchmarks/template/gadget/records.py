"""What is known of a gadget, and which states it can have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum

LONGEST_NAME = 120
LONGEST_LEASE = timedelta(days=730)


class State(Enum):
    """Where a gadget is in its life."""

    ORDERED = "ordered"
    STORED = "stored"
    LENT = "lent"
    RETIRED = "retired"


FOLLOWING: Mapping[State, frozenset[State]] = {
    State.ORDERED: frozenset({State.STORED, State.RETIRED}),
    State.STORED: frozenset({State.LENT, State.RETIRED}),
    State.LENT: frozenset({State.STORED}),
    State.RETIRED: frozenset(),
}


class GadgetError(Exception):
    """What is asked for cannot be done with this gadget; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Who has a gadget, and from when to when; the last day is included."""

    holder: str
    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse a lease that ends before it begins, or lasts too long."""
        if self.last < self.first:
            raise GadgetError(f"the lease of {self.holder} ends on {self.last}, before {self.first}")
        if self.last - self.first > LONGEST_LEASE:
            raise GadgetError(f"the lease of {self.holder} is longer than {LONGEST_LEASE.days} days")

    def overlaps(self, other: Lease) -> bool:
        """Tell whether both hold on one day at least."""
        return self.first <= other.last and other.first <= self.last

    @property
    def days(self) -> int:
        """How many days it lasts."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, kw_only=True)
class Gadget:
    """One gadget with all its leases, the oldest first."""

    number: int
    name: str
    price: Decimal
    state: State = State.ORDERED
    leases: tuple[Lease, ...] = ()
    labels: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        """Refuse what no gadget can be."""
        if self.number <= 0:
            raise GadgetError(f"{self.number} is no number of a gadget")
        if not self.name.strip() or len(self.name) > LONGEST_NAME:
            raise GadgetError(f"gadget {self.number} has no usable name")
        if self.price < 0:
            raise GadgetError(f"gadget {self.number} costs less than nothing")

    def moved(self, state: State) -> Gadget:
        """Return it in another state, where its present one allows that."""
        if state not in FOLLOWING[self.state]:
            raise GadgetError(f"gadget {self.number} is {self.state.value} and cannot be {state.value}")
        return replace(self, state=state)

    def lent(self, lease: Lease) -> Gadget:
        """Return it with one more lease; two at the same time are refused."""
        taken = next((each for each in self.leases if each.overlaps(lease)), None)
        if taken is not None:
            raise GadgetError(f"gadget {self.number} is with {taken.holder} until {taken.last}")
        leases = tuple(sorted((*self.leases, lease), key=lambda each: each.first))
        return replace(self, leases=leases)

    def holder(self, day: date) -> str | None:
        """Return who has it on a day."""
        found = (lease.holder for lease in self.leases if lease.first <= day <= lease.last)
        return next(found, None)


def by_label(gadgets: Iterable[Gadget]) -> dict[str, list[Gadget]]:
    """Return the gadgets of each label, by their number."""
    found: dict[str, list[Gadget]] = {}
    for gadget in sorted(gadgets, key=lambda each: each.number):
        for label in sorted(gadget.labels):
            found.setdefault(label, []).append(gadget)
    return found
