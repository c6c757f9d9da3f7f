"""One benchmark on two workers that take turns: never both at once, A B B A, the same calls on both."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pytest_failhard.gates.performance.pairs import conditions, failing
from pytest_failhard.gates.performance.pairs.channel import PATIENCE_SECONDS, Inject, Worker
from pytest_failhard.gates.performance.pairs.messages import Done, Ready
from pytest_failhard.gates.performance.samples import Batch, Conditions, Failure, Sample, SideName
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.model import GateError

SLOW_CALL_NS = 500_000_000
SLOW_ROUNDS = 3
"""So often a batch of a call runs that takes longer than that."""
MORE_ROUNDS = 4
"""So many times as many rounds there may be where processes take long to start."""
MOST_TIMES = 4
"""So many times as long as the base's a batch of head may take."""
SLACK = 20
"""So many times what it should take a batch may take before it counts as hanging."""
BASE: SideName = "base"
HEAD: SideName = "head"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a benchmark is measured. What cannot end `fewest` pairs in `max_seconds` is not begun.

    `inject` slows down the batches of head, by a share of their processor time or of their wall time. There
    are more rounds than `rounds`, up to `most_rounds`, until `worth` seconds are spent.
    """

    rounds: int = 10
    most_rounds: int = 0
    fewest: int = 3
    most: int = 24
    max_seconds: float = 60.0
    worth: float = 0.0
    inject: Inject | None = None

    @classmethod
    def of(cls, settings: PerformanceSettings) -> Plan:
        """Return what the settings state."""
        fewest, _, most = settings.pairs
        return cls(
            rounds=settings.rounds,
            most_rounds=MORE_ROUNDS * settings.rounds,
            fewest=fewest,
            most=most,
            max_seconds=settings.max_seconds,
        )

    def after(self, seconds: float) -> Plan:
        """Return the plan for a pair whose start took so long: it is worth measuring for as long.

        That is known before anything is timed, and equal for both sides. Half of the time for the benchmark
        is left for its set-up and for pairs that take longer.
        """
        return replace(self, worth=min(seconds, self.max_seconds / 2 / self.most))


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of it: samples of both sides, or failures, or a call that takes too long (seconds)."""

    samples: Mapping[SideName, Sample] = field(default_factory=dict)
    failures: Mapping[SideName, Failure] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)
    call_seconds: float = 0.0
    too_long: bool = False
    seconds: float = 0.0


def play(benchmark: str, workers: Mapping[SideName, Worker], plan: Plan, cpu: int | None = None) -> Played:
    """Measure a benchmark whose turn it is on both sides, on one processor; the first of the workers begins.

    Raises GateError where a side is somewhere else.
    """
    began = time.monotonic()
    before = conditions.read()
    within = PATIENCE_SECONDS + plan.max_seconds
    standing = {name: worker.settle(benchmark, within) for name, worker in workers.items()}
    ready = {name: said for name, said in standing.items() if isinstance(said, Ready)}
    ended = {name: said for name, said in standing.items() if isinstance(said, Done)}
    for name, said in ready.items():
        require_place(workers[name], said.affinity, cpu)
    batches: dict[SideName, list[Batch]] = {name: [] for name in workers}
    too_long = not ended and _seconds(ready, plan) * plan.fewest > plan.max_seconds
    if not ended and not too_long:
        ended = _take(benchmark, workers, ready, batches, plan)
    failures = {name: failing.without_numbers(done) for name, done in ended.items()}
    ended |= _stop(benchmark, {name: worker for name, worker in workers.items() if name not in ended})
    failures |= {
        name: failure
        for name, done in ended.items()
        if name not in failures and (failure := failing.of(done))
    }
    complete = not failures and not too_long
    return Played(
        samples={name: _sample(ready, batches[name], ended[name]) for name in workers} if complete else {},
        failures=failures,
        conditions=conditions.since(before, [*batches[BASE], *batches[HEAD]]),
        call_seconds=max((said.call_ns for said in ready.values()), default=0) / 1e9,
        too_long=too_long,
        seconds=time.monotonic() - began,
    )


def require_place(worker: Worker, affinity: tuple[int, ...], cpu: int | None) -> None:
    """Raise GateError where a process may run elsewhere than on the processor; None is for any."""
    if cpu is not None and affinity != (cpu,):
        raise GateError(
            f"environment-differs: the process of {worker.name} runs on the processors {affinity} and "
            f"was to run on {cpu} alone; let nothing of the project choose the processors"
        )


def _calls(ready: Mapping[SideName, Ready]) -> int:
    """Return the calls of a batch, equally many on both sides: the base's.

    Where head is many times slower, fewer show that as well, and its batches would take as many times longer.
    """
    base, head = ready[BASE], ready[HEAD]
    most = MOST_TIMES * max(1, base.call_ns)
    return base.calls if head.call_ns <= most else max(1, base.calls * most // head.call_ns)


def _rounds(ready: Mapping[SideName, Ready], plan: Plan) -> int:
    return SLOW_ROUNDS if max(said.call_ns for said in ready.values()) > SLOW_CALL_NS else plan.rounds


def _seconds(ready: Mapping[SideName, Ready], plan: Plan) -> float:
    """Return what the timed batches of both sides take at least."""
    calls = _calls(ready) * sum(said.call_ns for said in ready.values())
    return _rounds(ready, plan) * calls / 1e9


def _take(
    benchmark: str,
    workers: Mapping[SideName, Worker],
    ready: Mapping[SideName, Ready],
    batches: Mapping[SideName, list[Batch]],
    plan: Plan,
) -> dict[SideName, Done]:
    """Fill the batches of both sides; return how a side ended that could not go on."""
    # Collector and caches make what a call costs depend on how many there are: equally many on both sides.
    calls = _calls(ready)
    order = tuple(workers)
    for number in _turns(_rounds(ready, plan), plan):
        for name in order if number % 2 == 0 else order[::-1]:
            within = PATIENCE_SECONDS + SLACK * calls * ready[name].call_ns / 1e9
            inject = plan.inject if name == HEAD else None
            batch = workers[name].batch(benchmark, calls, within, inject)
            if isinstance(batch, Done):
                return {name: batch}
            batches[name].append(batch)
    return {}


def _turns(least: int, plan: Plan) -> Iterator[int]:
    """Yield the numbers of the rounds: always twos of those beyond the least, so that each side is first."""
    until = time.monotonic() + plan.worth
    number = 0
    while number < least or (number < plan.most_rounds and (number % 2 or time.monotonic() < until)):
        yield number
        number += 1


def _stop(benchmark: str, workers: Mapping[SideName, Worker]) -> dict[SideName, Done]:
    for worker in workers.values():
        worker.order(stop=True)
    return {name: worker.done(benchmark) for name, worker in workers.items()}


def _sample(ready: Mapping[SideName, Ready], batches: list[Batch], done: Done) -> Sample:
    return Sample(calls=_calls(ready), batches=tuple(batches), peak_rss=done.peak_rss)
