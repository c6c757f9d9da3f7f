"""Counts what does not depend on the machine: calls of the model, their tokens, what they cost."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.llm.attempt import Attempt
from pytest_failhard.llm.prices import PriceError, Prices
from pytest_failhard.model import GateError

COST = "llm_cost_micro_usd"
SQL = "sql_statements"
COUNTERS = (
    "llm_calls",
    "llm_input_tokens",
    "llm_output_tokens",
    COST,
    SQL,
    "response_bytes",
)
MICRO = 1_000_000


@dataclass(frozen=True, kw_only=True, order=True)
class Count:
    """A count of a case at head, and in the same run at the base, None where that has none.

    `harness` is the SHA-256 of what decides how much work there is. One that is `demanded` must have an
    entry.
    """

    case: str
    counter: str
    value: int
    harness: str
    base: int | None = None
    demanded: bool = True


def counted(attempts: Sequence[Attempt]) -> dict[str, int]:
    """Return the counts of a run; without a call there is none, and no cost where a model has no price."""
    if not attempts:
        return {}
    counts = {
        "llm_calls": len(attempts),
        "llm_input_tokens": sum(each.usage.input for each in attempts),
        "llm_output_tokens": sum(each.usage.output for each in attempts),
    }
    cost = _cost(attempts)
    return counts if cost is None else {**counts, COST: cost}


@functools.cache
def _prices() -> Prices:
    return Prices.load()


def _cost(attempts: Iterable[Attempt]) -> int | None:
    """Return millionths of a dollar, the exact sum rounded up once."""
    try:
        return math.ceil(sum((_prices().cost(each) for each in attempts), Decimal(0)) * MICRO)
    except PriceError:
        return None


def same(workload: Workload, runs: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    """Return the counts of all runs; raises GateError where two differ."""
    names = {name for counts in runs for name in counts}
    seen = {name: sorted({counts.get(name, 0) for counts in runs}) for name in sorted(names)}
    unsteady = [f"{name} ({_listed(values)})" for name, values in seen.items() if len(values) > 1]
    if unsteady:
        raise GateError(
            f"counter-not-deterministic: workload {workload.id}: {', '.join(unsteady)}: equal runs counted "
            "differently; what draws at random needs a seed of its own, what retries needs no reason to"
        )
    return {name: values[0] for name, values in seen.items()}


def harness(workload: Workload, tree: Path, items: Path | None) -> Mapping[str, str]:
    """Return what decides how much work there is, as SHA-256 by counter: only the cost knows prices."""
    answers = tree / workload.answers if workload.answers else None
    content = {
        "workload": workload.table,
        "items": _digest(items),
        "answers": _digest(answers),
        "seed": workload.seed,
    }
    prices = _prices().sha256
    plain = _sha256(content)
    return {name: plain if name != COST else _sha256({**content, "prices": prices}) for name in COUNTERS}


def _digest(path: Path | None) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else ""


def _sha256(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
