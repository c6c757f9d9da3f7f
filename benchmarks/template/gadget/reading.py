"""Reads gadgets from lines of text and from JSON, and names every mistake with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from benchmarks.template.gadget.records import Gadget, GadgetError, Lease, State

LINE = re.compile(r"^(?P<number>\d{1,9})\s*;(?P<name>[^;]*);(?P<price>[^;]*);(?P<labels>[^;]*)$")
COMMENT = "#"


class ReadingError(Exception):
    """A text is not understood; `mistakes` lists all that is wrong with it."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True, kw_only=True)
class Read:
    """One line that was read: a gadget, or what is wrong."""

    line: int
    gadget: Gadget | None = None
    mistake: str = ""


def from_lines(text: str) -> list[Gadget]:
    """Return the gadgets of a text with one in each line; all mistakes are raised together."""
    found = list(_read(text))
    mistakes = [f"line {each.line}: {each.mistake}" for each in found if each.mistake]
    if mistakes:
        raise ReadingError(mistakes)
    return [each.gadget for each in found if each.gadget is not None]


def _read(text: str) -> Iterator[Read]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith(COMMENT):
            continue
        try:
            yield Read(line=number, gadget=_gadget(line))
        except (GadgetError, ValueError) as error:
            yield Read(line=number, mistake=str(error))


def _gadget(line: str) -> Gadget:
    match = LINE.match(line)
    if match is None:
        raise ValueError("four fields with `;` between them are needed")
    labels = frozenset(label.strip() for label in match["labels"].split(",") if label.strip())
    return Gadget(
        number=int(match["number"]),
        name=match["name"].strip(),
        price=price(match["price"]),
        labels=labels,
    )


def price(text: str) -> Decimal:
    """Return an amount with two digits behind the point; raises ValueError for any other text."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text.strip()!r} is no amount") from None
    if not amount.is_finite():
        raise ValueError(f"{text.strip()!r} is no amount")
    return amount.quantize(Decimal("0.01"))


def from_json(text: str) -> Gadget:
    """Return the gadget of a JSON object; raises ReadingError where it is none."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ReadingError([f"line {error.lineno}: {error.msg}"]) from error
    if not isinstance(document, dict):
        raise ReadingError(["an object is needed"])
    try:
        return _of(document)
    except (GadgetError, KeyError, TypeError, ValueError) as error:
        raise ReadingError([f"{type(error).__name__}: {error}"]) from error


def _of(document: Mapping[str, object]) -> Gadget:
    leases, labels = document.get("leases", []), document.get("labels", [])
    if not isinstance(leases, list) or not isinstance(labels, list):
        raise TypeError("leases and labels are lists")
    return Gadget(
        number=int(str(document["number"])),
        name=str(document["name"]),
        price=price(str(document["price"])),
        state=State(document["state"]),
        leases=tuple(_lease(lease) for lease in leases),
        labels=frozenset(str(label) for label in labels),
    )


def _lease(entry: Mapping[str, str]) -> Lease:
    return Lease(
        holder=entry["holder"],
        first=date.fromisoformat(entry["first"]),
        last=date.fromisoformat(entry["last"]),
    )


def to_json(gadget: Gadget) -> str:
    """Return a gadget as `from_json` reads it."""
    leases = [
        {"holder": lease.holder, "first": lease.first.isoformat(), "last": lease.last.isoformat()}
        for lease in gadget.leases
    ]
    document = {
        "number": gadget.number,
        "name": gadget.name,
        "price": str(gadget.price),
        "state": gadget.state.value,
        "leases": leases,
        "labels": sorted(gadget.labels),
    }
    return json.dumps(document, sort_keys=True)
