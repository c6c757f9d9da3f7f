"""Says in words why a measurement did not decide, and what would: with figures, so never a finding."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from pytest_failhard.gates.performance.pairs.measured import Measured
from pytest_failhard.gates.performance.samples import Conditions, Pair

LONG_CALL_SECONDS = 0.1
"""A call that takes longer makes few batches in the time there is."""


def circumstances(measured: Measured) -> str:
    """Return what is known: pairs, the widest interval, what the machine did meanwhile."""
    parts = [f"after {len(measured.pairs)} pairs"]
    if measured.decision:
        name, widest = max(measured.decision.estimates.items(), key=lambda each: each[1].high - each[1].low)
        parts.append(f"interval {widest.low:.2f} to {widest.high:.2f} by {name}")
    parts += _machine(measured.pairs)
    return ", ".join(parts)


def advice(measured: Measured) -> str:
    """Return the circumstances and the way out."""
    call = f"shrink the call ({1000 * measured.call_seconds:.0f} ms)"
    quieter = "run on a quieter machine"
    long_call = measured.problem == "too-long" or measured.call_seconds > LONG_CALL_SECONDS
    ways = {"too-long": call, "throttled": "measure with a larger share of a processor"}
    way = ways.get(measured.problem) or (f"{quieter}, or {call}" if long_call else quieter)
    return f"{circumstances(measured)}; {way}"


def _machine(pairs: Sequence[Pair]) -> list[str]:
    found = [pair.conditions for pair in pairs]
    told: list[tuple[Callable[[Conditions], float | None], str]] = [
        (lambda each: each.load, "load {:.1f}"),
        (lambda each: each.delay and 100 * each.delay, "{:.0f} % of wall spent queueing"),
        (lambda each: each.steal and 100 * each.steal, "{:.0f} % stolen by the host"),
    ]
    known = [([value for each in found if (value := take(each))], text) for take, text in told]
    return [text.format(statistics.median(values)) for values, text in known if values]
