"""Measures one side against itself: a machine on which that differs can measure nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_failhard.gates.performance import evidence, statistics
from pytest_failhard.gates.performance.pairs import advice, series
from pytest_failhard.gates.performance.pairs.measured import Measured
from pytest_failhard.gates.performance.pairs.series import Conduct, Play
from pytest_failhard.gates.performance.samples import Benchmark
from pytest_failhard.gates.performance.statistics import Decision, Logs, State, Terms
from pytest_failhard.model import GateError


def chosen(measured: Sequence[Measured]) -> Benchmark | None:
    """Return the benchmark with the largest spread between its pairs, None where none has pairs."""
    with_pairs = [each for each in measured if each.pairs]
    return (
        max(with_pairs, key=lambda each: (each.spread, each.benchmark.id)).benchmark if with_pairs else None
    )


def check(benchmark: Benchmark, play: Play, conduct: Conduct) -> Measured:
    """Measure a benchmark on the twins that `play` plays; raises GateError where either is the slower one."""
    (measured,) = series.measure(
        [benchmark], play, replace(conduct, purpose=evidence.SELF_CHECK, decide=both_ways)
    )
    if measured.decision is None or measured.decision.state is not State.NOT_SLOWER:
        raise GateError(
            f"machine-unfit: the base is not as fast as itself by {benchmark.id} "
            f"({advice.circumstances(measured)}); no comparison of this run stands; "
            "measure on a quieter machine"
        )
    return measured


def both_ways(pairs: Sequence[Logs], clocks: Sequence[str], terms: Terms) -> Decision | None:
    """Decide with either side as the one that might be slower; what is worse counts."""
    forth = statistics.decide(pairs, clocks, terms)
    back = statistics.decide([_mirrored(pair) for pair in pairs], clocks, terms)
    for decision in (forth, back):
        if decision is not None and decision.state is not State.NOT_SLOWER:
            return decision
    return forth if back is not None else None


def _mirrored(pair: Mapping[str, float | None]) -> Logs:
    return {name: None if value is None else -value for name, value in pair.items()}
