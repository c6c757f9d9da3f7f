"""Evidence of each kind that a page draws, small and made by hand; random numbers have a seed."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable, Mapping, Sequence

from pytest_failhard.report.html.exhibits import Exhibits

Json = Mapping[str, object]
CLOCKS = ("cpu", "cpu_mean", "adj")
BATCHES = 10


def sample(chance: random.Random, nanoseconds: float, delay: float = 0.02) -> dict[str, object]:
    """Return one side of a pair: ten batches."""
    cpu = [int(nanoseconds * chance.uniform(1.0, 1.06)) for _ in range(BATCHES)]
    wall = [int(each * (1 + delay)) for each in cpu]
    return {
        "wall": wall,
        "cpu": cpu,
        "children": [0] * BATCHES,
        "delay": [int(each * delay) for each in cpu],
        "adj": cpu,
        "peak_rss": 40_000_000,
    }


def pair(benchmark: str, number: int, base: Json, head: Json, purpose: str = "measure") -> Json:
    """Return a line of `pairs.jsonl`."""
    return {
        "benchmark": benchmark,
        "purpose": purpose,
        "pair": number,
        "seed": number,
        "cpu": number % 2,
        "first": "base" if number % 2 else "head",
        "calls": 40,
        "base": base,
        "head": head,
        "conditions": {"load": "2.100000"},
    }


def pairs(benchmark: str, slower: float, count: int, purpose: str = "measure") -> list[Json]:
    """Return the pairs of a benchmark whose head is slower by this factor."""
    chance = random.Random(f"{benchmark} {purpose}")
    return [
        pair(
            benchmark,
            number,
            sample(chance, 5e6 * chance.uniform(0.97, 1.03)),
            sample(chance, 5e6 * slower * chance.uniform(0.97, 1.03)),
            purpose,
        )
        for number in range(1, count + 1)
    ]


def decision(
    benchmark: str, state: str, slower: float, found: Sequence[Json], **more: object
) -> dict[str, object]:
    """Return an entry of `decisions.json`."""
    count = len(found)
    width = math.exp(0.08 / math.sqrt(count))
    clocks = {
        name: {
            "ratio": f"{slower * factor:.6f}",
            "low": f"{slower * factor / width:.6f}",
            "high": f"{slower * factor * width:.6f}",
            "pairs": count,
            "spread": "0.031000",
        }
        for name, factor in zip(CLOCKS, (1.0, 1.004, 0.996), strict=True)
    }
    return {
        "benchmark": benchmark,
        "purpose": "measure",
        "state": state,
        "problem": "",
        "ratio": clocks["cpu_mean"]["ratio"],
        "clock": "cpu_mean",
        "pairs": count,
        "weak": False,
        "seconds": "3.100",
        "limit": "1.15",
        "clocks": clocks,
        "unavailable": {},
        "alarms": [],
        **more,
    }


def lines(records: Iterable[Json]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def benchmarks() -> dict[tuple[str, str], bytes]:
    """Return what the decision of five benchmarks, one without an answer, and of the self-check rests on."""
    slow, same, near = (f"tests/perf/test_shop.py::test_{name}" for name in ("totals", "parse", "render"))
    noisy, short = "tests/perf/test_shop.py::test_search[wide, ärger]", "import:shop"
    measured = {
        slow: pairs(slow, 1.31, 7),
        same: pairs(same, 0.99, 4),
        near: pairs(near, 1.12, 12),
        noisy: pairs(noisy, 1.16, 24),
    }
    check = pairs(noisy, 1.0, 5, "self-check")
    decided = [
        decision(
            slow, "slower", 1.31, measured[slow], alarms=[{"pair": 4, "clock": "cpu_mean", "kept": True}]
        ),
        decision(same, "not-slower", 0.99, measured[same]),
        decision(near, "not-slower", 1.12, measured[near], weak=True),
        decision(
            noisy,
            "undecided",
            1.16,
            measured[noisy],
            problem="pairs",
            alarms=[
                {"pair": 6, "clock": "cpu", "kept": False},
                {"pair": 24, "clock": "cpu", "kept": False},
            ],
            unavailable={"wall": "the adjusted clock is there"},
        ),
        {
            "benchmark": short,
            "purpose": "measure",
            "state": "undecided",
            "problem": "seconds",
            "pairs": 2,
            "seconds": "60.000",
            "limit": "1.15",
        },
        decision(noisy, "not-slower", 1.0, check, purpose="self-check"),
    ]
    document = {"schema": "failhard-decisions/1", "limit": "1.15", "decisions": decided}
    return {
        ("performance", "decisions.json"): json.dumps(document).encode(),
        ("performance", "pairs.jsonl"): lines(
            [each for found in (*measured.values(), check) for each in found]
        ),
    }


def window(chance: random.Random, side: str, at: float, slower: float, *, lost: bool = False) -> Json:
    rate = chance.uniform(760, 900) / slower
    return {
        "side": side,
        "at": round(at, 3),
        "seconds": 0.5,
        "requests": int(rate / 2),
        "failed": 0,
        "cpu_ns": None if lost else int(1.05e6 * slower * chance.uniform(0.97, 1.03)),
        "requests_per_second": round(rate, 1),
    }


def latency(chance: random.Random, middle: float) -> Json:
    values = sorted(round(chance.lognormvariate(math.log(middle), 0.4), 3) for _ in range(200))
    return {"p50": values[99], "p95": values[189], "p99": values[197], "milliseconds": values}


def route() -> dict[tuple[str, str], bytes]:
    """Return a route under load: three pairs of six turns; one window of head has no CPU."""
    chance = random.Random(7)
    order = ("base", "head", "head", "base") * 3
    slower = {"base": 1.0, "head": 1.25}
    found = [
        {
            "pair": number,
            "windows": [
                window(chance, side, place / 2, slower[side], lost=(number, place) == (2, 1))
                for place, side in enumerate(order)
            ],
        }
        for number in (1, 2, 3)
    ]
    sides = {
        side: {"closed": latency(chance, 9.0 * factor), "opened": latency(chance, 3.0 * factor)}
        for side, factor in slower.items()
    }
    document = {
        "schema": "failhard-load/1",
        "benchmark": "route:create",
        "routes": ["create"],
        "pairs": found,
        "latency": sides,
    }
    return {("performance", "load_create.json"): json.dumps(document).encode()}


def steps(width: int, count: int) -> Json:
    rising = [[place * 21_000_000, min(place, width)] for place in range(width + 1)]
    level = [[(width + place) * 21_000_000, width - place % 2] for place in range(1, count)]
    end = (width + count) * 21_000_000
    return {"max": width, "mean": f"{width * 0.91:.6f}", "end_ns": end, "steps": [*rising, *level, [end, 0]]}


def workload() -> dict[tuple[str, str], bytes]:
    """Return a workload that lost its concurrency, and its counters."""
    runs = [
        {
            "workload": "describe-services",
            "unit": "service",
            "items": 40,
            "in_flight_max": 8,
            "pair": number,
            "side": side,
            "startup_ns": 310_000_000,
            "wall_ns": 210_000_000,
            "cpu_ns": 60_000_000,
            "cpu_ms_per_unit": "1.500000",
            "units_per_second": "190.476190" if side == "base" else "31.746032",
            "p50_ns": 22_000_000,
            "p95_ns": 31_000_000,
            "llm_in_flight": steps(8, 12) if side == "base" else steps(1, 60),
            "queue_depth": steps(12, 20) if side == "base" else steps(30, 40),
            "completed": 40,
            "lost": 0,
            "duplicated": 0,
            "counters": {"llm_calls": 80 if side == "base" else 81, "llm_input_tokens": 9210},
        }
        for number in (1, 2, 3)
        for side in ("base", "head")
    ]
    return {("performance", "workloads_describe-services.jsonl"): lines(runs)}


def counters() -> dict[tuple[str, str], bytes]:
    """Return counters beside their ceilings: one above, one below, one without."""
    rows = [
        {"case": "describe-services", "counter": "llm_calls", "value": 81, "ceiling": 80, "base": 80},
        {"case": "describe-services", "counter": "llm_input_tokens", "value": 9210, "ceiling": 12_000},
        {"case": "describe-services", "counter": "sql_statements", "value": 5, "base": 5},
    ]
    document = {"schema": "failhard-counters/1", "counters": rows}
    return {("performance", "counters.json"): json.dumps(document).encode()}


def performance() -> Exhibits:
    return Exhibits(evidence={**benchmarks(), **route(), **workload(), **counters()})
