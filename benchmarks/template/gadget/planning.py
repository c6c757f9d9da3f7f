"""Finds free days of gadgets, and shares wishes out among them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.template.gadget.records import Gadget, Lease, State

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, order=True)
class Wish:
    """Somebody wants a gadget with a label for some days; the lowest rank is served first."""

    rank: int
    holder: str
    label: str
    first: date
    days: int

    @property
    def lease(self) -> Lease:
        """The lease that would fulfil it."""
        return Lease(holder=self.holder, first=self.first, last=self.first + (self.days - 1) * DAY)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What came of the wishes: gadgets with their new leases, and who gets none."""

    gadgets: tuple[Gadget, ...]
    refused: tuple[Wish, ...]


def free(gadget: Gadget, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield the spans of days, first and last included, on which nobody has it."""
    begin = first
    for lease in gadget.leases:
        if lease.last < begin:
            continue
        if lease.first > last:
            break
        if lease.first > begin:
            yield begin, lease.first - DAY
        begin = lease.last + DAY
    if begin <= last:
        yield begin, last


def fits(gadget: Gadget, wish: Wish) -> bool:
    """Tell whether a gadget can fulfil a wish."""
    if gadget.state is State.RETIRED or wish.label not in gadget.labels:
        return False
    return not any(lease.overlaps(wish.lease) for lease in gadget.leases)


def planned(gadgets: Sequence[Gadget], wishes: Iterable[Wish]) -> Plan:
    """Serve wishes by their rank, each with the gadget that has the fewest leases."""
    waiting = list(wishes)
    heapq.heapify(waiting)
    known = {gadget.number: gadget for gadget in gadgets}
    refused: list[Wish] = []
    while waiting:
        wish = heapq.heappop(waiting)
        able = [gadget for gadget in known.values() if fits(gadget, wish)]
        if not able:
            refused.append(wish)
            continue
        chosen = min(able, key=lambda each: (len(each.leases), each.number))
        known[chosen.number] = chosen.lent(wish.lease)
    return Plan(gadgets=tuple(known[number] for number in sorted(known)), refused=tuple(refused))


def used(gadgets: Iterable[Gadget], first: date, last: date) -> float:
    """Return the share of all days from first to last on which a gadget is lent."""
    span = (last - first).days + 1
    shares = [
        1 - sum((end - begin).days + 1 for begin, end in free(gadget, first, last)) / span
        for gadget in gadgets
    ]
    return sum(shares) / len(shares) if shares else 0.0
