"""Our own child process in which the gates observe, apart from the tests and their patches."""

from __future__ import annotations

import gc
import json
import math
import os
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pytest_failhard import engine, handed, inputs, plan, proc, reusing
from pytest_failhard.checkpoint import Checkpoint, ResumeError, Wanted, bound_to
from pytest_failhard.hired import RESULT
from pytest_failhard.inputs import NOTHING_KNOWN
from pytest_failhard.model import EarlyGate, GateError, Mode, Phase
from pytest_failhard.opened import Watch
from pytest_failhard.records import Ahead
from pytest_failhard.redact import Redactor
from pytest_failhard.report import observation as codec
from pytest_failhard.store import Staging, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from pytest_failhard.model import Gate, Observation, Run, Settings, TestRun
    from pytest_failhard.relinked import Known

COLLECT_AFTER = (100_000, 20, 100)
"""Objects of a generation that make Python look for cycles: it holds trees of code, which have none, and the
usual figures cost a fifth of the time in which they are read."""
NOT_YET = "the tests have not ended yet"
LOOK_SECONDS = 0.5
"""How often what the tests say is read while they run."""
# The orders come down a pipe, one line each, in this order.
# 1. {"plan": ..., "gates": [...], "staging": ..., "scratch": ..., "redactor": ..., "cache": ..., ...}
# 2. {"records": path or null, "nonce": ..., "coverage": path or null, "problem": text, "restored": bool}
# The pipe stays open until we are done: its end means that the parent died.


class Worker:
    """Obeys the orders of one parent and writes one event line for each gate.

    `ahead` is what `inputs.ahead` gave; `is_told` says whether the next order is there already.
    """

    def __init__(
        self,
        orders: Iterator[str],
        events: TextIO,
        watch: Watch | None = None,
        ahead: Mapping[Path, Known] = NOTHING_KNOWN,
        is_told: Callable[[], bool] = lambda: True,
    ) -> None:
        self.orders = orders
        self.is_told = is_told
        self.ahead = ahead
        self.events = events
        self.watch = Watch() if watch is None else watch
        self.checkpoint: Checkpoint | None = None
        self.unkept: frozenset[str] = frozenset()
        """The gates whose answers depend on tests that every run begins anew."""
        self.outcomes: dict[str, engine.Outcome] = {}

    def serve(self) -> None:
        """Observe with the static gates, after the tests with those that need them, at last one by one."""
        ours = plan.collect_gates(())
        order = json.loads(next(self.orders))
        resolved = handed.load(order["plan"], [gate for gate in ours if gate.id in order["gates"]])
        self.staging = Staging(Path(order["staging"]), Redactor.restore(order["redactor"]))
        scratch = Path(order["scratch"])
        cache = reusing.Reusing(
            order.get("cache"), resolved, self.staging, scratch, self._note, self.watch, ahead=self.ahead
        )
        if order.get("checkpoint") and not self._take_up(resolved, order["checkpoint"], cache):
            return
        budget = float(resolved.policy.budget_seconds)

        def jobs(
            phase: Phase, run: TestRun | None = None, problem: str = "", folder: Path = scratch
        ) -> list[engine.Job]:
            return engine.jobs(resolved, order["gates"], phase, self.staging, folder, run, problem)

        known, static = cache.sort(self.left(jobs(Phase.STATIC)))
        for outcome in known:
            self.done(outcome)
        early = partial(jobs, Phase.TESTS, problem=NOT_YET, folder=scratch / "early")
        tested = _Tested(self, cache, partial(jobs, Phase.TESTS), early, Ahead(scratch / RESULT))
        done = _Settling(
            self.done, {job.gate.id for job in static}, lambda: cache.keep(static, self.outcomes)
        )
        budget -= self._observe(cache.longest_first(static), resolved.request.jobs, budget, done, tested)
        cache.leave(tested.jobs)
        self._observe(self.left(jobs(Phase.QUIET, tested.run, tested.problem)), 1, budget, self.done)
        cache.close(self.outcomes)
        self._emit({"end": True})

    def _take_up(self, resolved: plan.Plan, order: Mapping[str, object], cache: reusing.Reusing) -> bool:
        """Begin a checkpoint or take up the one that is there; return whether the run may go on."""
        wanted = Wanted.from_order(order)
        if reusing.attests(resolved) and not wanted.resume:
            return True
        try:
            if reusing.attests(resolved):
                raise ResumeError("a run attests only what it has seen itself; run without resuming")
            bound = bound_to(resolved, cache.inputs(), wanted.settings)
            self.checkpoint = Checkpoint.open(wanted, bound, self.staging.redactor)
        except GateError as error:
            # A run that was to go on must not begin anew in silence; any other one runs all the same.
            if wanted.resume:
                self._emit({"refused": f"resume: {error}"})
            else:
                self._note(f"no-checkpoint: {error}")
            return not wanted.resume
        self._emit({"checkpoint": self.checkpoint.key})
        if resolved.request.mode is Mode.AUTHOR:
            gates = resolved.gates.items()
            self.unkept = frozenset(name for name, gate in gates if plan.phase(gate) is Phase.TESTS)
        return True

    def drop(self, jobs: Iterable[engine.Job]) -> None:
        """Forget what was seen of other tests than those that have run now."""
        if self.checkpoint is not None and self.checkpoint.resuming:
            for job in jobs:
                self.checkpoint.drop(job.gate.id)

    def _observe(
        self,
        jobs: Sequence[engine.Job],
        slots: int,
        budget: float,
        done: Callable[[engine.Outcome], None],
        later: engine.Later | None = None,
    ) -> float:
        """Run the jobs and return the seconds in which they ran."""
        return engine.observe(
            jobs,
            slots=slots,
            budget=budget,
            done=done,
            warn=lambda text: self._emit({"warning": text}),
            begun=lambda gate, seconds: self._emit({"begun": gate, "limit": seconds}),
            later=later,
        )

    def left(self, jobs: Sequence[engine.Job]) -> list[engine.Job]:
        """Tell what gates saw before the run was interrupted; return the jobs that remain."""
        if self.checkpoint is None:
            return [*jobs]
        restored = {job.gate.id: self.checkpoint.restore(job.gate.id, self.staging) for job in jobs}
        for note in self.checkpoint.notes:
            self._note(note)
        self.checkpoint.notes.clear()
        for outcome in filter(None, restored.values()):
            self._tell(outcome)
        return [job for job in jobs if restored[job.gate.id] is None]

    def _note(self, text: str) -> None:
        self._emit({"note": text})

    def done(self, outcome: engine.Outcome) -> None:
        """Keep what a gate saw, and tell what became of it."""
        self.outcomes[outcome.gate] = outcome
        if self.checkpoint is not None and outcome.gate not in self.unkept:
            try:
                self.checkpoint.store(outcome, self.staging)
            except StoreError as error:
                self._note(f"no-checkpoint: of {outcome.gate}: {error}")
        self._tell(outcome)

    def _tell(self, outcome: engine.Outcome) -> None:
        seen = outcome.observation
        self._emit(
            {
                "gate": outcome.gate,
                "observation": codec.dump(seen).decode() if seen is not None else None,
                "error": outcome.error,
                "external": outcome.external,
                "evidence": [vars(item) for item in outcome.evidence],
                "seconds": outcome.seconds,
                "reused": outcome.reused,
            }
        )

    def rest(self) -> None:
        """Tell that there is nothing left to do but to wait for the tests."""
        self._emit({"idle": True})

    def _emit(self, event: dict[str, object]) -> None:
        self.events.write(json.dumps(event) + "\n")
        self.events.flush()


class _Settling:
    """Takes outcomes, and settles something once those of all the named gates have come."""

    def __init__(
        self, done: Callable[[engine.Outcome], None], gates: Collection[str], settle: Callable[[], None]
    ) -> None:
        self._done = done
        self._left = {*gates}
        self._settle = settle
        if not gates:
            settle()

    def __call__(self, outcome: engine.Outcome) -> None:
        """Take one."""
        self._done(outcome)
        if outcome.gate in self._left:
            self._left.remove(outcome.gate)
            if not self._left:
                self._settle()


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """A gate that did a part of its work before the tests had ended; what that came to, the rest finds."""

    gate: Gate
    rest: Future[Callable[[Run], Observation]]

    @property
    def id(self) -> str:
        return self.gate.id

    @property
    def settings(self) -> type[Settings]:
        return self.gate.settings

    def observe(self, run: Run) -> Observation:
        """Wait for that part, then do the rest: an error of either is the gate's."""
        return self.rest.result()(run)


class _Tested:
    """The gates that need the tests: they begin as soon as it is told what became of those.

    What an early gate can do before, it does while nobody else has anything to do but wait for the tests.
    """

    def __init__(
        self,
        worker: Worker,
        cache: reusing.Reusing,
        make: Callable[[TestRun | None, str], list[engine.Job]],
        early: Callable[[], list[engine.Job]],
        ahead: Ahead,
    ) -> None:
        self._ahead = ahead
        self._ended = threading.Event()
        self._speaking = threading.Lock()
        """While they have not ended, a thread beside us may tell something; after that nobody but we."""
        self._worker = worker
        self._cache = cache
        self._make = make
        self._early = early
        self._begun: dict[str, Future[Callable[[Run], Observation]]] = {}
        self.jobs: Sequence[engine.Job] = ()
        self.run: TestRun | None = None
        self.problem = ""

    def take(self, *, wait: bool) -> list[engine.Job] | None:
        """Return the jobs, None where nothing is told yet and nobody wants to wait."""
        if not self._worker.is_told():
            if not wait:
                return None
            self._begin()
        try:
            told = json.loads(next(self._worker.orders))
        finally:
            with self._speaking:
                self._ended.set()
        self.run, self.problem = engine.load_tests(told, self._ahead.known.copy())
        self.jobs = self._make(self.run, self.problem)
        # First of all: a test may have written into what the gates left just now.
        self._cache.purge()
        self._cache.lend(self.jobs)
        if not told.get("restored"):
            self._worker.drop(self.jobs)
        return [self._going_on(job) for job in self._cache.longest_first(self._worker.left(self.jobs))]

    def _begin(self) -> None:
        """Have each early gate begin, one after the other, beside whoever waits."""
        jobs = {job.gate: job for job in self._early() if isinstance(job.gate, EarlyGate)}
        self._cache.lend([*jobs.values()])
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="failhard-early")
        self._begun = {gate.id: pool.submit(gate.begin, job.run(math.inf)) for gate, job in jobs.items()}
        pool.submit(self._rest)
        pool.submit(self._look_ahead)
        pool.shutdown(wait=False)

    def _rest(self) -> None:
        with self._speaking:
            if not self._ended.is_set():
                self._worker.rest()

    def _look_ahead(self) -> None:
        """Read what the tests have said so far, until they have ended."""
        while not self._ended.wait(LOOK_SECONDS):
            self._ahead.look()

    def _going_on(self, job: engine.Job) -> engine.Job:
        rest = self._begun.get(job.gate.id)
        return job if rest is None else replace(job, gate=_Begun(gate=job.gate, rest=rest))


class Orders:
    """The lines of a pipe, from now on; where it ends early the parent is dead, and so are we."""

    def __init__(self, pipe: TextIO) -> None:
        self._pipe = pipe
        self._arrived: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="failhard-orders", daemon=True).start()

    def __iter__(self) -> Iterator[str]:
        """Yield each line, and wait for it."""
        return iter(self._arrived.get, None)

    def is_there(self) -> bool:
        """Tell whether there is a line that need not be waited for."""
        return not self._arrived.empty()

    def _listen(self) -> None:
        for line in self._pipe:
            self._arrived.put(line)
        try:
            proc.stop_all(refuse_more=True)
        finally:
            os._exit(1)


def main() -> None:
    """Serve the parent at the other end of the pipe until its orders are done."""
    gc.set_threshold(*COLLECT_AFTER)
    events, descriptor, *more = sys.argv[1:]
    watch = Watch()
    sys.addaudithook(watch)
    with Path(events).open("a", encoding="utf-8") as stream:
        # Never closed: where serving fails, that would wait for the thread that reads it, for ever.
        orders = Orders(os.fdopen(int(descriptor)))
        ahead = inputs.ahead() if more else NOTHING_KNOWN
        Worker(iter(orders), stream, watch, ahead, orders.is_there).serve()
        # Threads of gates that were given up, and the one that listens, must not delay the end.
        stream.flush()
        os._exit(0)
