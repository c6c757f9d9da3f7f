"""Runs a workload once on one side, in fresh processes and fresh state, and takes its figures."""

from __future__ import annotations

import re
import resource
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pytest_failhard.gates.performance.counters import counted
from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.routes.server_cpu import read
from pytest_failhard.gates.performance.workload import serving, workplace
from pytest_failhard.gates.performance.workload.answering import Model
from pytest_failhard.gates.performance.workload.flights import Steps, rank, steps
from pytest_failhard.gates.performance.workload.units import Tally, Watch, expected, tally
from pytest_failhard.gates.performance.workload.workplace import Ground, Grounds, Place
from pytest_failhard.llm.answers import Answers
from pytest_failhard.llm.attempt import Attempt
from pytest_failhard.model import GateError, Process, Run

POLL_SECONDS = 0.002
STALL_SECONDS = 5.0
"""A worker that finishes nothing for so long has lost what is left."""
SECOND_NS = 1_000_000_000
LAST_CHARACTERS = 500


class WorkError(GateError):
    """A side could not do the work. `what` says so in one line, without what differs from run to run."""

    def __init__(self, what: str, words: str = "") -> None:
        super().__init__(f"not-measured: {what}" + (f"; its last words: {words}" if words else ""))
        self.what = what


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One run on one side. Times are in nanoseconds; `startup` is what came before the work began.

    `took` are the units' own times, sorted; `gauges` what is wrong with the system's own, empty for nothing.
    """

    side: str
    number: int
    startup: int
    wall: int
    cpu: int
    took: tuple[int, ...]
    tally: Tally
    in_flight: Steps
    depth: Steps
    counters: Mapping[str, int]
    statements: int | None = None
    """SQL statements, where they were counted: then nothing is to be said of times."""
    grows: bool = False
    gauges: str = ""

    @property
    def clocks(self) -> dict[str, int]:
        """Nanoseconds a unit, times the units, by clock; all of one run have the same number of units."""
        middle = rank(self.took, 50) or 0
        return {"cpu_per_unit": self.cpu, "seconds_per_unit": self.wall, "p50": middle * self.tally.completed}


@dataclass(kw_only=True)
class Start:
    """When the work began, and what the processes had used by then; noted with the first call."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    process: Process | None = None
    moment: int = 0
    cpu: int = 0

    def begin(self) -> None:
        """Note the moment. The caller waits for its answer meanwhile, so nothing is missed."""
        with self.lock:
            if self.process is not None:
                self.cpu = read(self.process.family()).nanoseconds
            self.moment = time.monotonic_ns()


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all runs of a workload share. `seconds` is how long one may take."""

    run: Run
    grounds: Grounds
    workload: Workload
    model: Model
    answers: Answers | None
    wanted: frozenset[str]
    seconds: float

    @classmethod
    def of(cls, run: Run, grounds: Grounds, workload: Workload, model: Model, seconds: float) -> Bench:
        """Return the bench of a workload; raises GateError for items or answers that cannot be read."""
        from pytest_failhard.gates.performance.workload.answering import script

        return cls(
            run=run,
            grounds=grounds,
            workload=workload,
            model=model,
            answers=script(grounds.head.tree, workload),
            wanted=expected(grounds.items(workload), workload.key, workload.items),
            seconds=seconds,
        )


def once(
    bench: Bench, ground: Ground, number: int, rps: float | None = None, *, counting: bool = False
) -> Ran:
    """Run a workload; with `rps` a route is asked at that pace afterwards. Raises WorkError, GateError."""
    place = bench.grounds.prepare(bench.run, ground, bench.workload, bench.model, number, counting=counting)
    try:
        if bench.workload.kind == "http":
            ran = _served(bench, ground, place, number, rps)
        else:
            ran = (_job if bench.workload.kind == "job" else _worker)(bench, ground, place, number)
        return replace(ran, statements=place.statements)
    finally:
        workplace.discard(place)


def _job(bench: Bench, ground: Ground, place: Place, number: int) -> Ran:
    workload = bench.workload
    watch = Watch(place.tree, workload.done or "", workload.key)
    start, began, used = Start(), time.monotonic_ns(), _children()
    bench.model.begin(workload, bench.answers, start.begin)
    with start.lock:
        process = start.process = _started(bench, place, workload.start)
    try:
        _until_end(bench, ground, process, watch)
        ended = time.monotonic_ns()
        if process.poll():
            raise _failed(bench, ground, process, f"ended with exit code {process.poll()}")
    finally:
        process.kill()
    watch.finish(ended)
    return _ran(bench, ground, number, watch, began=began, start=start, cpu=_children() - used - start.cpu)


def _worker(bench: Bench, ground: Ground, place: Place, number: int) -> Ran:
    workload = bench.workload
    watch = Watch(place.tree, workload.done or "", workload.key)
    start, began = Start(), time.monotonic_ns()
    process = start.process = _started(bench, place, workload.start)
    try:
        ready = re.compile(workload.ready_log, re.MULTILINE)
        _await(
            bench, ground, process, watch, lambda: ready.search(process.stdout + process.stderr) is not None
        )
        bench.model.begin(workload, bench.answers, lambda: None)
        start.begin()
        _submit(bench, ground, place, watch)
        _await(bench, ground, process, watch, _Finished(watch, workload.items))
        cpu = read(process.family()).nanoseconds - start.cpu
    finally:
        process.kill()
    watch.finish(time.monotonic_ns())
    return _ran(bench, ground, number, watch, began=began, start=start, cpu=cpu)


def _served(bench: Bench, ground: Ground, place: Place, number: int, rps: float | None) -> Ran:
    workload, system = bench.workload, bench.grounds.system
    bench.model.begin(workload, bench.answers, lambda: None)
    began = time.monotonic_ns()
    with serving.served(bench.run, system, workload, place, bench.seconds) as instance:
        bench.model.begin(workload, bench.answers, lambda: None)
        family = instance.process.family()
        cpu, begin = read(family).nanoseconds, time.monotonic_ns()
        answered = serving.asked(instance, workload)
        used = read(instance.process.family()).nanoseconds - cpu
        attempts = bench.model.end()
        paced = serving.paced(instance, workload, rps) if rps else None
        gauges = serving.gauges(instance, workload)
    if not answered.tally.completed:
        raise WorkError(f"workload {workload.id}: {ground.name} gave no expected answer on {workload.route}")
    end = begin + answered.wall
    return Ran(
        side=ground.name,
        number=number,
        startup=begin - began,
        wall=answered.wall,
        cpu=used,
        took=answered.took,
        tally=answered.tally,
        in_flight=_in_flight(attempts, begin, end),
        depth=paced.depth if paced is not None else steps((), 0, answered.wall),
        counters={**counted(attempts), "response_bytes": answered.bytes},
        grows=paced is not None and paced.grows,
        gauges=gauges,
    )


def _ran(
    bench: Bench, ground: Ground, number: int, watch: Watch, *, began: int, start: Start, cpu: int
) -> Ran:
    workload = bench.workload
    attempts = bench.model.end()
    if workload.asks and not attempts:
        raise GateError(
            f"not-measured: workload {workload.id}: {ground.name} did not ask the model once; "
            "does it take the provider's address from the environment?"
        )
    begin = start.moment or began
    moments = [max(unit.moment - begin, 0) for unit in watch.units]
    result = tally(bench.wanted, workload.items, [unit.name for unit in watch.units])
    if not result.completed:
        raise WorkError(
            f"workload {workload.id}: {ground.name} left no line in {workload.done}; "
            f"of {workload.items} items none is done"
        )
    wall = max(moments)
    submitted = [(0, moment) for moment in sorted(moments)[: workload.items]]
    submitted += [(0, wall)] * (workload.items - len(submitted))
    return Ran(
        side=ground.name,
        number=number,
        startup=begin - began,
        wall=wall,
        cpu=cpu,
        took=tuple(sorted(moments)),
        tally=result,
        in_flight=_in_flight(attempts, begin, begin + wall),
        depth=steps(submitted, 0, wall),
        counters=counted(attempts),
    )


class _Finished:
    """Tells whether all is done, or nothing more comes."""

    def __init__(self, watch: Watch, items: int) -> None:
        self._watch = watch
        self._items = items
        self._last = (0, time.monotonic())

    def __call__(self) -> bool:
        now, count = time.monotonic(), len(self._watch.units)
        if count != self._last[0]:
            self._last = (count, now)
        names = {unit.name for unit in self._watch.units}
        return len(names) >= self._items or now - self._last[1] > STALL_SECONDS


def _await(bench: Bench, ground: Ground, process: Process, watch: Watch, enough: Callable[[], bool]) -> None:
    """Look at what is done until `enough` says so; raises WorkError for a process that ends before."""
    until = time.monotonic() + bench.seconds
    while process.wait(POLL_SECONDS) is None:
        watch.look(time.monotonic_ns())
        if enough():
            return
        if time.monotonic() > until:
            raise _late(bench, ground, process)
    raise _failed(bench, ground, process, f"ended with exit code {process.poll()}, and was to stay")


def _until_end(bench: Bench, ground: Ground, process: Process, watch: Watch) -> None:
    """Look at what is done until a process ends; raises WorkError where it does not."""
    until = time.monotonic() + bench.seconds
    while process.wait(POLL_SECONDS) is None:
        watch.look(time.monotonic_ns())
        if time.monotonic() > until:
            raise _late(bench, ground, process)


def _submit(bench: Bench, ground: Ground, place: Place, watch: Watch) -> None:
    process = _started(bench, place, bench.workload.submit)
    try:
        _until_end(bench, ground, process, watch)
        if process.poll():
            raise _failed(bench, ground, process, f"submit: exit code {process.poll()}")
    finally:
        process.kill()


def _started(bench: Bench, place: Place, argv: tuple[str, ...]) -> Process:
    return bench.run.start(argv, environment=place.variables, cwd=place.tree)


def _late(bench: Bench, ground: Ground, process: Process) -> WorkError:
    how = f"is not done after {bench.seconds:.0f} seconds, give it fewer items"
    return _failed(bench, ground, process, how)


def _failed(bench: Bench, ground: Ground, process: Process, how: str) -> WorkError:
    said = (process.stdout + process.stderr).replace(str(bench.run.scratch), "<scratch>").strip()
    lines = said[-LAST_CHARACTERS:].splitlines() or ["none"]
    what = f"workload {bench.workload.id}: {ground.name} {how}: {lines[-1]}"
    return WorkError(what, " / ".join(lines) if len(lines) > 1 else "")


def _in_flight(attempts: tuple[Attempt, ...], begin: int, end: int) -> Steps:
    """Return how many calls were at the model; times begin with the work."""
    spans = [
        (round(each.times.headers * SECOND_NS) - begin, round(each.times.ended * SECOND_NS) - begin)
        for each in attempts
    ]
    return steps(spans, 0, end - begin)


def _children() -> int:
    """Return what all children that ended have used, in nanoseconds: a job is one of them at its end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((used.ru_utime + used.ru_stime) * SECOND_NS)
