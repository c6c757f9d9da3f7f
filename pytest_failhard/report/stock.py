"""The baseline of a run as evidence, without loss: `run/baseline.json`."""

from __future__ import annotations

import json
from datetime import date

from pydantic import TypeAdapter, ValidationError

from pytest_failhard.model import Frozen, GateError, Stock
from pytest_failhard.report.parts import Exact, Strict, exact, number, places


class StockError(GateError):
    """Bytes that are no baseline of a run."""


class _Stored(Strict):
    gate: str
    rule: str
    path: str
    fingerprint: str
    reason: str
    owner: str
    date: date
    value: Exact | None
    ceiling: bool


class _Stock(Strict):
    frozen: tuple[_Stored, ...]
    refused: tuple[_Stored, ...]


_STOCK = TypeAdapter(_Stock)


def dump(stock: Stock) -> bytes:
    """Return the baseline as canonical JSON, in its order."""
    listed = {name: [_values(each) for each in getattr(stock, name)] for name in ("frozen", "refused")}
    return (json.dumps(listed, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def load(data: bytes) -> Stock:
    """Read what `dump` wrote; raises StockError."""
    try:
        stored = _STOCK.validate_json(data)
    except ValidationError as error:
        raise StockError(f"baseline-unreadable: {places(error)}; run the check again") from None
    return Stock(frozen=tuple(map(_restored, stored.frozen)), refused=tuple(map(_restored, stored.refused)))


def _values(entry: Frozen) -> dict[str, object]:
    value = None if entry.value is None else exact(entry.value)
    return {**vars(entry), "date": entry.date.isoformat(), "value": value}


def _restored(stored: _Stored) -> Frozen:
    value = None if stored.value is None else number(stored.value)
    return Frozen(**{**dict(stored), "value": value})
