"""One pair of fresh processes, base and head, on one processor, for a list of benchmarks."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_failhard.gates.performance.pairs import failing, lockstep
from pytest_failhard.gates.performance.pairs.channel import Inject, Worker
from pytest_failhard.gates.performance.pairs.lockstep import BASE, HEAD, Plan, Played
from pytest_failhard.gates.performance.pairs.messages import About
from pytest_failhard.gates.performance.samples import Benchmark, Failure, Pair, SideName
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.model import GateError, Run

Proofs = Mapping[SideName, Mapping[str, object]]
Check = Callable[[Trees, Mapping[str, object], Mapping[str, object]], None]
"""Holds what both sides proved against the trees; raises GateError."""
WINDOWS = "win32"


def processors() -> tuple[int, ...]:
    """Return the processors that we may use, none where a process cannot be bound to one."""
    # Asked for by name: it is not there everywhere.
    allowed: Callable[[int], Iterable[int]] | None = getattr(os, "sched_getaffinity", None)
    return tuple(sorted(allowed(0))) if allowed else ()


def require_platform(platform: str = sys.platform) -> None:
    """Raise GateError where nothing can be measured."""
    if platform == WINDOWS:
        raise GateError("performance: cannot measure on Windows; measure on Linux")


def seed(run_seed: int, number: int) -> int:
    """Return the hash seed of a pair: equal on both sides, another one in each pair."""
    return int.from_bytes(hashlib.sha256(f"{run_seed}:{number}".encode()).digest()[:4])


@dataclass(frozen=True, kw_only=True)
class Start:
    """How the processes of a pair are started. `first` starts and begins; it alternates with the pairs.

    `cpu` is the processor on which both are measured. There the first one starts, too; the other one does so
    `beside`, at the same time, and comes over to be measured.
    """

    number: int
    seed: int
    cpu: int | None
    first: SideName
    beside: int | None = None

    @property
    def order(self) -> tuple[SideName, SideName]:
        """The sides, the first one first."""
        return (BASE, HEAD) if self.first == BASE else (HEAD, BASE)

    @property
    def environment(self) -> dict[str, str]:
        """What both sides are told of the pair."""
        return {"PYTHONHASHSEED": str(self.seed), "FAILHARD_CPU": "" if self.cpu is None else str(self.cpu)}

    def home(self, name: SideName) -> int | None:
        """Return the processor on which a side starts, sets up and ends."""
        return self.cpu if name == self.first or self.beside is None else self.beside

    def environment_of(self, name: SideName) -> dict[str, str]:
        """What one side is told; as long on both: where the environment ends moves what lies behind it."""
        home = self.home(name)
        return {**self.environment, "FAILHARD_HOME": "" if home is None else f"{home:05d}"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a pair gave, by benchmark: numbers, or failures by side, or neither where a call takes too long.

    `adjusted` tells whether both sides could read the scheduler's accounts, `why_not` why not. `seconds` is
    what each benchmark took, an equal share of starting and ending both processes included: `share`.
    """

    start: Start
    pairs: Mapping[str, Pair]
    failures: Mapping[str, Mapping[SideName, Failure]]
    call_seconds: Mapping[str, float]
    seconds: Mapping[str, float]
    proofs: Proofs
    adjusted: bool
    why_not: str = ""
    share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Duet:
    """Two trees, and all that is the same for each of their pairs."""

    run: Run
    trees: Trees
    check: Check
    plan: Plan = field(default_factory=Plan)
    cpus: tuple[int, ...] = field(default_factory=processors)

    def start(self, number: int, *, pinned: bool = True) -> Start:
        """Return how the pair of a number is started."""
        cpus = self.cpus if pinned else ()
        return Start(
            number=number,
            seed=seed(self.run.seed, number),
            cpu=cpus[number % len(cpus)] if cpus else None,
            first=BASE if number % 2 else HEAD,
            beside=cpus[(number + 1) % len(cpus)] if cpus else None,
        )

    def play(self, benchmarks: Sequence[Benchmark], number: int) -> Result:
        """Play one pair; raises GateError where a process dies, or its proof does not hold."""
        began = time.monotonic()
        start = self.start(number)
        with contextlib.ExitStack() as stack:
            workers = self.workers(stack, start)
            abouts = {name: greet(worker, start) for name, worker in workers.items()}
            collected = {name: worker.collected() for name, worker in workers.items()}
            absent = {
                each.id: missing for each in benchmarks if (missing := failing.absences(each.id, collected))
            }
            ids = rotated([each.id for each in benchmarks if each.id not in absent], number)
            for worker in workers.values():
                worker.order(run=ids) if ids else worker.order(stop=True)
            cpus = {each.id: start.cpu if each.pin else None for each in benchmarks}
            plan = self.plan.after((time.monotonic() - began) / len(benchmarks))
            played = {each: lockstep.play(each, workers, plan, cpus[each]) for each in ids}
            proofs = {name: worker.finish() for name, worker in workers.items()}
        self.check(self.trees, proofs[BASE], proofs[HEAD])
        around = time.monotonic() - began - sum(each.seconds for each in played.values())
        share = around / len(benchmarks)
        return Result(
            start=start,
            pairs={
                each.id: _pair(start, found, each)
                for each in benchmarks
                if (found := played.get(each.id)) and found.samples
            },
            failures=absent | {each: found.failures for each, found in played.items() if found.failures},
            call_seconds={each: found.call_seconds for each, found in played.items()},
            seconds={each.id: _seconds(each.id, played) + share for each in benchmarks},
            proofs=proofs,
            share=share,
            adjusted=all(about.adj for about in abouts.values()),
            why_not=next((about.why for about in abouts.values() if not about.adj), ""),
        )

    def twins(self, side: Side, inject: Inject | None = None) -> Duet:
        """Return the duet of one side with itself; `inject` slows down the second of the two."""
        base, head = replace(side, name=BASE), replace(side, name=HEAD)
        trees = replace(self.trees, base=base, head=head, same_environment=True)
        return replace(self, trees=trees, plan=replace(self.plan, inject=inject))

    def workers(self, stack: contextlib.ExitStack, start: Start) -> dict[SideName, Worker]:
        """Start both processes; they end with the stack."""
        sides = {BASE: self.trees.base, HEAD: self.trees.head}
        return {
            name: stack.enter_context(Worker(self.run, sides[name], start.environment_of(name)))
            for name in start.order
        }


def greet(worker: Worker, start: Start) -> About:
    """Return what a worker says of itself; raises GateError where it does not run where it should."""
    about = worker.hello()
    lockstep.require_place(worker, about.affinity, start.home(worker.name))
    return about


def rotated(ids: Sequence[str], number: int) -> list[str]:
    """Return benchmarks with their modules rotated by a pair's number; within a module nothing moves."""
    modules: dict[str, list[str]] = {}
    for each in ids:
        modules.setdefault(each.partition("::")[0], []).append(each)
    names = list(modules)
    shift = number % max(1, len(names))
    return [each for name in names[shift:] + names[:shift] for each in modules[name]]


def _seconds(benchmark: str, played: Mapping[str, Played]) -> float:
    return played[benchmark].seconds if benchmark in played else 0.0


def _pair(start: Start, played: Played, benchmark: Benchmark) -> Pair:
    return Pair(
        number=start.number,
        seed=start.seed,
        cpu=start.cpu if benchmark.pin else None,
        first=start.first,
        base=played.samples[BASE],
        head=played.samples[HEAD],
        conditions=played.conditions,
    )
