"""Routes under load, window by window, and how long answers took: evidence `load/<route>.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.html.reading import Loose, whole

MAX_ROUTES = 30
MAX_TURNS = 240
GATE, PREFIX = "performance", "load"
NANO_IN_MILLI = 1_000_000
Side = Literal["base", "head"]
PERCENTILES = ("p50", "p95", "p99")


class _Window(Loose):
    side: Side
    requests_per_second: float
    cpu_ns: int | None


class _Pair(Loose):
    pair: int
    windows: tuple[_Window, ...]


class _Latency(Loose):
    milliseconds: tuple[float, ...]
    p50: float | None
    p95: float | None
    p99: float | None


class _Latencies(Loose):
    closed: _Latency
    opened: _Latency


class _Document(Loose):
    benchmark: str
    pairs: tuple[_Pair, ...]
    latency: Mapping[Side, _Latencies]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Two windows after each other, one of each side; None where a value could not be had."""

    pair: int
    number: int
    cpu: tuple[float | None, float | None]
    """Milliseconds of the server's processors for a request, base and head."""
    rate: tuple[float | None, float | None]
    """Requests a second, base and head."""


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """How long answers took on one side, in milliseconds, in order."""

    side: str
    values: tuple[float, ...]
    percentiles: tuple[tuple[str, float], ...]

    def of(self, name: str) -> float | None:
        """Return a percentile, None where it is not known."""
        return dict(self.percentiles).get(name)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """One way of asking; `how` says which."""

    how: str
    sides: tuple[Latencies, ...]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One benchmark of a system under load; `total` counts turns that are not shown too."""

    name: str
    turns: tuple[Turn, ...]
    total: int
    loops: tuple[Loop, ...]


@dataclass(frozen=True, kw_only=True)
class Routes:
    """What was under load; `total` counts those not shown too."""

    rows: tuple[Route, ...]
    total: int


def read(exhibits: Exhibits) -> Routes | None:
    """Return the routes, None where there is no such evidence; raises UnreadableError."""
    files = exhibits.beginning(GATE, PREFIX)
    if not files:
        return None
    rows = tuple(_route(whole(_Document, data)) for _, data in files[:MAX_ROUTES])
    return Routes(rows=rows, total=len(files))


def _route(found: _Document) -> Route:
    turns = [turn for pair in found.pairs for turn in _turns(pair)]
    loops = (
        ("as fast as it answers", {side: found.latency[side].closed for side in found.latency}),
        ("at half of the base's capacity", {side: found.latency[side].opened for side in found.latency}),
    )
    return Route(
        name=found.benchmark,
        turns=tuple(turns[:MAX_TURNS]),
        total=len(turns),
        loops=tuple(
            Loop(how=how, sides=known)
            for how, sides in loops
            if (known := tuple(_latencies(side, sides[side]) for side in sides if sides[side].milliseconds))
        ),
    )


def _turns(pair: _Pair) -> Sequence[Turn]:
    """Return the windows two by two: each side has one in every turn."""
    couples = zip(pair.windows[::2], pair.windows[1::2], strict=False)
    return [_turn(pair.pair, number, couple) for number, couple in enumerate(couples, 1)]


def _turn(pair: int, number: int, couple: Sequence[_Window]) -> Turn:
    by_side: Mapping[str, _Window] = {window.side: window for window in couple}
    base, head = by_side.get("base"), by_side.get("head")
    return Turn(
        pair=pair,
        number=number,
        cpu=(_milliseconds(base), _milliseconds(head)),
        rate=(base.requests_per_second if base else None, head.requests_per_second if head else None),
    )


def _milliseconds(window: _Window | None) -> float | None:
    return None if window is None or window.cpu_ns is None else window.cpu_ns / NANO_IN_MILLI


def _latencies(side: str, found: _Latency) -> Latencies:
    known = ((name, value) for name in PERCENTILES if (value := vars(found)[name]) is not None)
    return Latencies(side=side, values=found.milliseconds, percentiles=tuple(known))
