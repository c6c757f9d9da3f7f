"""One pair that is not timed: what each side has, and one call of each benchmark under the counters."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pytest_failhard.gates.performance.duet import Duet, Proofs, greet
from pytest_failhard.gates.performance.pairs import failing
from pytest_failhard.gates.performance.pairs.channel import PATIENCE_SECONDS, Worker
from pytest_failhard.gates.performance.pairs.lockstep import BASE, HEAD
from pytest_failhard.gates.performance.pairs.messages import Collected, Done, Entry
from pytest_failhard.gates.performance.samples import Benchmark, Counts, Failure, SideName
from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.model import Run

_Kind = TypeVar("_Kind", Counts, Failure)
SLOWER_BY = 10
"""So many times as long as a plain call one under the counters may take."""


@dataclass(frozen=True, kw_only=True)
class Counting:
    """What the counting pair gave. `counts` and `failures` are by benchmark and side."""

    benchmarks: tuple[Benchmark, ...]
    """Those that head collects, in its order."""
    collected: Mapping[SideName, Collected]
    counts: Mapping[str, Mapping[SideName, Counts]]
    failures: Mapping[str, Mapping[SideName, Failure]]
    proofs: Proofs
    plugin: str
    """Whose fixture is served."""


def collect(run: Run, side: Side) -> Collected:
    """Return what a tree collects, without running any of it."""
    with Worker(run, side, {"PYTHONHASHSEED": "0", "FAILHARD_CPU": ""}) as worker:
        worker.hello()
        collected = worker.collected()
        worker.order(stop=True)
        worker.finish()
    return collected


def count(duet: Duet, excluded: Collection[str] = frozenset()) -> Counting:
    """Run each benchmark of head on both sides under the counters, but the excluded ones."""
    start = duet.start(0, pinned=False)
    with contextlib.ExitStack() as stack:
        workers = duet.workers(stack, start)
        plugins = {name: greet(worker, start).plugin for name, worker in workers.items()}
        collected = {name: worker.collected() for name, worker in workers.items()}
        entries = [entry for entry in collected[HEAD].collected if entry.id not in excluded]
        wanted = {name: _wanted(entries, found) for name, found in collected.items()}
        for name, worker in workers.items():
            worker.order(count=wanted[name]) if wanted[name] else worker.order(stop=True)
        # The longest one is not known yet; what a call may take at all bounds it.
        within = PATIENCE_SECONDS + SLOWER_BY * duet.plan.max_seconds
        found = {name: _counted(worker, wanted[name], within) for name, worker in workers.items()}
        proofs = {name: worker.finish() for name, worker in workers.items()}
    duet.check(duet.trees, proofs[BASE], proofs[HEAD])
    return Counting(
        benchmarks=tuple(benchmark(entry) for entry in entries),
        collected=collected,
        counts={entry.id: _of(Counts, entry.id, found) for entry in entries},
        failures={
            entry.id: failing.absences(entry.id, collected) | _of(Failure, entry.id, found)
            for entry in entries
        },
        proofs=proofs,
        plugin=plugins[HEAD],
    )


def _wanted(entries: Sequence[Entry], found: Collected) -> list[str]:
    there = {entry.id for entry in found.collected}
    return [entry.id for entry in entries if entry.id in there]


def _counted(worker: Worker, ids: Sequence[str], within: float) -> dict[str, Counts | Failure]:
    return {each: _one(worker, each, within) for each in ids}


def _one(worker: Worker, benchmark: str, within: float) -> Counts | Failure:
    counted = worker.counted(benchmark, within)
    if isinstance(counted, Done):
        return failing.without_numbers(counted)
    failure = failing.of(replace(worker.done(benchmark), measured=True))
    return failure or Counts(
        memory=counted.memory,
        functions=counted.functions,
        sql=counted.sql,
        opcodes=counted.opcodes,
        steady=counted.steady,
    )


def _of(
    kind: type[_Kind], benchmark: str, found: Mapping[SideName, Mapping[str, Counts | Failure]]
) -> dict[SideName, _Kind]:
    return {name: each for name, side in found.items() if isinstance(each := side.get(benchmark), kind)}


def benchmark(entry: Entry) -> Benchmark:
    """Return a benchmark as its marker describes it."""
    return Benchmark(
        id=entry.id, limit=entry.max_regression, budget_ms=entry.budget_ms, pin=entry.pin, clocks=entry.clock
    )
