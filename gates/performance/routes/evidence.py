"""Writes down what a route's load showed, for people, plots and whoever decides again.

`load/<route>.json`, schema `failhard-load/1`: `benchmark`; `pairs`, each with `pair`, `seed`, `cpu` (the
processor of both servers, null for any), `first`, `windows` in time order (`side`, `at` and `seconds`,
`requests`, `failed`, `cpu_ns` a request or null, `requests_per_second`), `figures` by side and clock in
whole nanoseconds, `ratios` by clock, `generator` (`share` of a processor, `bound`), `failed` by side and
route, and `opened` by side (`rps`, `waiting` by thirds of the time); `latency` by side, `closed` and
`opened`: at most 200 `milliseconds` in order, and `p50`, `p95`, `p99`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_failhard.gates.performance.routes.judging import Judged
from pytest_failhard.gates.performance.routes.plan import Load
from pytest_failhard.gates.performance.routes.windows import LoadedPair, Window
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.system.load_counts import percentile, succeeding

SCHEMA = "failhard-load/1"
QUANTILES = 200


@dataclass(frozen=True, kw_only=True)
class Given:
    """Under which circumstances a pair ran."""

    number: int
    seed: int
    cpu: int | None
    first: SideName


def pair(given: Given, loaded: LoadedPair, judged: Judged) -> dict[str, object]:
    """Return one pair."""
    return {
        "pair": given.number,
        "seed": given.seed,
        "cpu": given.cpu,
        "first": given.first,
        "windows": [_window(each) for each in loaded.windows],
        "figures": {side: dict(figures.by_clock) for side, figures in judged.figures.items()},
        "ratios": {
            clock: None if value is None else f"{math.exp(value):.6f}" for clock, value in judged.logs.items()
        },
        "generator": {"share": f"{judged.share:.3f}", "bound": judged.bound},
        "failed": {
            side: {route: wrong for route, (wrong, _) in counts.items()}
            for side, counts in judged.failed.items()
        },
        "answers": {side: _answers(loaded, side) for side in judged.figures},
        "opened": {
            side: {"rps": round(each.rps, 1), "waiting": [round(depth, 2) for depth in each.thirds]}
            for side, each in loaded.opened.items()
        },
    }


def _window(window: Window) -> dict[str, object]:
    requests = window.requests
    return {
        "side": window.side,
        "at": round(window.at, 3),
        "seconds": round(window.wall, 4),
        "requests": requests,
        "failed": requests - sum(route.expected for route in window.routes),
        "cpu_ns": None if window.cpu is None or not requests else window.cpu // requests,
        "requests_per_second": round(requests / window.wall, 1),
    }


def _answers(loaded: LoadedPair, side: SideName) -> dict[str, dict[str, int]]:
    """Return by route how often which status, or which error, came back."""
    return {
        route.route: {**{str(status): count for status, count in route.statuses.items()}, **route.errors}
        for route in loaded.counts(side)
    }


def document(load: Load, pairs: Sequence[Mapping[str, object]], loaded: Sequence[LoadedPair]) -> bytes:
    """Return the file of a benchmark."""
    found = {
        "schema": SCHEMA,
        "benchmark": load.benchmark,
        "routes": [route.id for route in load.routes],
        "pairs": pairs,
        "latency": {side: _latency(loaded, side, load.own) for side in ("base", "head")},
    }
    return json.dumps(found, indent=1).encode() + b"\n"


def _latency(loaded: Sequence[LoadedPair], side: SideName, own: str) -> dict[str, object]:
    routes = [route for each in loaded for window in each.of(side) for route in succeeding(window.routes)]
    closed = [second for route in routes if own in {"", route.route} for second in route.seconds]
    opened = [second for each in loaded if side in each.opened for second in each.opened[side].seconds]
    return {"closed": _described(sorted(closed)), "opened": _described(sorted(opened))}


def _described(seconds: list[float]) -> dict[str, object]:
    ranks = {f"p{rank}": _ms(percentile(seconds, rank)) for rank in (50, 95, 99)}
    return {**ranks, "milliseconds": [_ms(each) for each in sampled(seconds)]}


def sampled(ordered: Sequence[float]) -> list[float]:
    """Return at most 200 of the values, evenly spread over their order, with both ends."""
    if len(ordered) <= QUANTILES:
        return list(ordered)
    return [ordered[index * (len(ordered) - 1) // (QUANTILES - 1)] for index in range(QUANTILES)]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
