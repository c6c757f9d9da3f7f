"""Slows one of two equal sides down and demands that this is seen: a gate that cannot fail is broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from pytest_failhard.gates.performance import evidence
from pytest_failhard.gates.performance.pairs import series
from pytest_failhard.gates.performance.pairs.channel import Inject
from pytest_failhard.gates.performance.pairs.measured import Measured
from pytest_failhard.gates.performance.pairs.series import Conduct, Play
from pytest_failhard.gates.performance.samples import ADJ, CPU, CPU_MEAN, WALL, Benchmark
from pytest_failhard.model import GateError

SLOWDOWN = 0.3
SEES_WORK = frozenset({CPU, CPU_MEAN, ADJ, WALL})
SEES_WAITING = frozenset({ADJ, WALL})


@dataclass(frozen=True, kw_only=True)
class Slowdown:
    """What is injected into the second side, and the clocks of which one must see it."""

    inject: Inject
    clocks: frozenset[str]


SLOWDOWNS: Mapping[str, Slowdown] = MappingProxyType(
    {
        evidence.PROVE_CPU: Slowdown(inject={"cpu": SLOWDOWN}, clocks=SEES_WORK),
        evidence.PROVE_WALL: Slowdown(inject={"wall": SLOWDOWN}, clocks=SEES_WAITING),
    }
)


def prove(
    benchmarks: Sequence[Benchmark], twins: Callable[[Inject], Play], conduct: Conduct
) -> tuple[Measured, ...]:
    """Slow each benchmark down by work, then by waiting, on the second of two equal sides.

    `twins` plays these with a slowdown. Raises GateError where one of them is not found to be slower.
    """
    found: list[Measured] = []
    for purpose, slowdown in SLOWDOWNS.items():
        seen = series.measure(benchmarks, twins(slowdown.inject), replace(conduct, purpose=purpose))
        for measured in seen:
            _require_seen(measured, slowdown)
        found += seen
    return tuple(found)


def _require_seen(measured: Measured, slowdown: Slowdown) -> None:
    decision = measured.decision
    if decision is not None and measured.slower and decision.clock in slowdown.clocks:
        return
    (what,) = slowdown.inject
    kind = {"cpu": "work", "wall": "waiting"}[what]
    answer = f"by {decision.clock} it was {decision.state.value}" if decision else measured.detail
    able = ", ".join(sorted(slowdown.clocks.intersection(measured.clocks))) or "none"
    raise GateError(
        f"prove-failed: 30 % more {kind} in {measured.benchmark.id} was not found to be slower: {answer} "
        f"(clocks that could see it: {able})"
    )
