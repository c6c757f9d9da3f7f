"""Runs gates side by side under their time limits, has them judged, and makes the report."""

from __future__ import annotations

import logging
import platform
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_failhard import judge
from pytest_failhard import records as test_records
from pytest_failhard.model import (
    Evidence,
    Flow,
    GateError,
    Memory,
    Observation,
    Phase,
    Report,
    TestRecord,
    TestRun,
    ToolGate,
    Verdict,
)
from pytest_failhard.plan import phase as phase_of
from pytest_failhard.run import GateRun

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_failhard.model import Gate, Option, Result, Rule, Run
    from pytest_failhard.plan import Plan
    from pytest_failhard.store import Staging

LOG = logging.getLogger(__name__)
# Who embeds us says where it goes; the report holds it in any case.
LOG.addHandler(logging.NullHandler())
WARN_SHARE = 0.95
UNFINISHED = "unfinished"
"""The setting of a run that did not come to its end; one that did has no such setting."""
LOOK_SECONDS = 0.2
"""How often it is looked whether jobs that come later can begin."""
GRACE_SECONDS = 6.0
"""What a gate whose tool was killed has left to say so, before its thread is given up."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one gate: an observation, or the reason why there is none.

    Beside an observation, `evidence` is the volatile one: an observation is the same in every run.
    """

    gate: str
    observation: Observation | None
    error: str = ""
    external: bool = False
    evidence: tuple[Evidence, ...] = ()
    seconds: float = 0.0
    reused: bool = False
    """Whether an earlier run with the same inputs observed it."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A gate that is to observe. `run` makes its Run for a deadline in monotonic seconds.

    `kept` is what the gate stored so far: the report names it however the gate ends; `contacts` are the
    names of those files in which addresses stay. `close` ends what the gate started and raises GateError
    where it cannot.
    """

    gate: Gate
    timeout: float
    run: Callable[[float], Run]
    close: Callable[[], None] = field(default=lambda: None)
    kept: list[Evidence] = field(default_factory=list)
    contacts: set[str] = field(default_factory=set)
    memory: Memory = field(default_factory=Memory)
    """What the gate knows of an earlier run, and what it leaves: nothing is remembered where nobody asks."""


class Later(Protocol):
    """Jobs that can begin only when something has come that is waited for, as the tests have."""

    def take(self, *, wait: bool) -> Sequence[Job] | None:
        """Return the jobs once they can begin, None while they cannot: without `wait` at once."""


@dataclass
class _Running:
    job: Job
    started: float
    deadline: float
    warned: bool = field(default=False)


def observe(
    jobs: Sequence[Job],
    *,
    slots: int,
    budget: float,
    done: Callable[[Outcome], None],
    warn: Callable[[str], None],
    begun: Callable[[str, float], None] = lambda _gate, _seconds: None,
    grace: float = GRACE_SECONDS,
    later: Later | None = None,
) -> float:
    """Run each job in a thread of its own, at most `slots` at once, and report each outcome.

    `begun` is told of each that starts, with the seconds that it has at most: its own timeout, cut to what
    is left of `budget` (seconds). At 95 % `warn` names it; at 100 % its tools have been killed by its Run,
    and a gate that still does not return is an error. The others go on. Jobs start in the order given, and
    those that come `later` before any that still waits. But beside a gate that works in our process one comes
    first that waits for a tool, and the other way round: two that work there take as long as one after the
    other. Until the later ones come, what they wait for has one of the slots, where there are two. Returns
    the seconds in which gates ran.
    """
    waiting = deque(jobs)
    running: dict[str, _Running] = {}
    finished: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    clock = _Clock(budget)
    while waiting or running or later is not None:
        if later is not None:
            since = time.monotonic()
            come = later.take(wait=not waiting and not running)
            clock.idle += 0.0 if running else time.monotonic() - since
            later = later if come is None else None
            waiting.extendleft(reversed(come or ()))
        while waiting and len(running) < _free(slots, later):
            job = _taken(waiting, [entry.job.gate for entry in running.values()])
            entry = _start(job, clock.end, finished)
            running[entry.job.gate.id] = entry
            begun(entry.job.gate.id, _limit(entry))
        outcome = _next(finished, running.values(), grace, None if later is None else LOOK_SECONDS)
        if outcome is not None and outcome.gate in running:
            del running[outcome.gate]
            done(outcome)
        for entry in _overdue(running, warn, grace):
            del running[entry.job.gate.id]
            done(_closed(entry.job, _timed_out(entry)))
    return clock.spent


def _taken(waiting: deque[Job], running: Sequence[Gate]) -> Job:
    """Take the first job that gets on beside the gates that run, the first of all where none does."""
    is_busy = not all(map(_waits, running))
    beside = (at for at, job in enumerate(waiting) if _waits(job.gate) is is_busy)
    at = next(beside, 0) if running else 0
    job = waiting[at]
    del waiting[at]
    return job


def _waits(gate: Gate) -> bool:
    return isinstance(gate, ToolGate) and gate.waits_for_tool


class _Clock:
    """The seconds in which gates ran, of those that they have: `idle` ones count for nobody."""

    def __init__(self, budget: float) -> None:
        self._started = time.monotonic()
        self._budget = budget
        self.idle = 0.0

    @property
    def end(self) -> float:
        return self._started + self.idle + self._budget

    @property
    def spent(self) -> float:
        return time.monotonic() - self._started - self.idle


def _free(slots: int, later: Later | None) -> int:
    """Return how many gates may run: what others wait for is given a processor of its own."""
    return slots if later is None else max(1, slots - 1)


def _start(job: Job, end: float, finished: queue.SimpleQueue[Outcome]) -> _Running:
    started = time.monotonic()
    deadline = min(started + job.timeout, end)

    def work() -> None:
        finished.put(_closed(job, _observe(job, started, deadline)))

    # Daemon: a gate that never returns must not keep the process alive.
    threading.Thread(target=work, name=f"failhard-{job.gate.id}", daemon=True).start()
    return _Running(job, started, deadline)


def _observe(job: Job, started: float, deadline: float) -> Outcome:
    name = job.gate.id
    run: Run | None = None
    try:
        run = job.run(deadline)
        observation = job.gate.observe(run)
        evidence = _named(observation.evidence, job.kept)
        return Outcome(
            gate=name,
            observation=replace(observation, evidence=tuple(each for each in evidence if not each.volatile)),
            evidence=tuple(each for each in evidence if each.volatile),
            seconds=time.monotonic() - started,
        )
    except GateError as error:
        return Outcome(
            gate=name,
            observation=None,
            error=str(error),
            external=error.external,
            evidence=_named((), job.kept),
            seconds=time.monotonic() - started,
        )
    except Exception as error:
        # A gate's own fault must become an error of that gate, and of no other.
        LOG.exception("gate %s crashed", name)
        return _crashed(job, run, error, time.monotonic() - started)


def _closed(job: Job, outcome: Outcome) -> Outcome:
    """Return the outcome of a gate after all that it started was ended."""
    try:
        job.close()
    except GateError as error:
        reasons = dict.fromkeys(filter(None, (outcome.error, str(error))))
        return replace(outcome, observation=None, error="; ".join(reasons))
    return outcome


def _named(evidence: Iterable[Evidence], kept: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted({*evidence, *kept}))


def _crashed(job: Job, run: Run | None, error: Exception, seconds: float) -> Outcome:
    text = "".join(traceback.format_exception(error))
    message = f"gate-crashed: {type(error).__name__}: {error} (a fault of the gate, see traceback.txt)"
    try:
        evidence = (run.keep("traceback.txt", text.encode()),) if run is not None else ()
    except (GateError, OSError) as failure:
        evidence, message = (), f"{message}; its traceback could not be kept: {failure}"
    return Outcome(
        gate=job.gate.id,
        observation=None,
        error=message,
        evidence=_named(evidence, job.kept),
        seconds=seconds,
    )


def _next(
    finished: queue.SimpleQueue[Outcome],
    running: Iterable[_Running],
    grace: float,
    most: float | None,
) -> Outcome | None:
    """Wait for an outcome, until a running gate is late, and for so many seconds at most."""
    now = time.monotonic()
    moments = [entry.deadline + grace if entry.warned else _warning(entry) for entry in running]
    left = max(0.0, min(moments, default=now) - now)
    try:
        return finished.get(timeout=left if most is None else min(left, most))
    except queue.Empty:
        return None


def _warning(entry: _Running) -> float:
    return entry.started + WARN_SHARE * (entry.deadline - entry.started)


def _overdue(running: Mapping[str, _Running], warn: Callable[[str], None], grace: float) -> list[_Running]:
    now = time.monotonic()
    for entry in running.values():
        if not entry.warned and now >= _warning(entry):
            entry.warned = True
            warn(f"gate {entry.job.gate.id} has used 95 % of its {_limit(entry):.0f} seconds")
    return [entry for entry in running.values() if now >= entry.deadline + grace]


def _limit(entry: _Running) -> float:
    return entry.deadline - entry.started


def _timed_out(entry: _Running) -> Outcome:
    return Outcome(
        gate=entry.job.gate.id,
        observation=None,
        error=f"timeout: no answer within {_limit(entry):.0f} seconds; the gate was given up",
        evidence=_named((), entry.job.kept),
        seconds=time.monotonic() - entry.started,
    )


def conclude(
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    *,
    started: datetime,
    settings: Mapping[str, Option],
    doubts: Sequence[str] = (),
    notes: Sequence[str] = (),
    models: Sequence[str] = (),
    complete: bool = True,
    flow: Flow | None = None,
) -> Report:
    """Judge every rule of the plan; a gate without outcome is an error.

    `doubts` are facts that take every observation its worth (the tree changed while gates ran, the
    base asked for cannot be had): each gate becomes an error that says so.
    """
    judged = [_judge(plan, rule, outcomes.get(rule.gate)) for rule in plan.rules]
    results = judge.settle_waivers(judged, plan.waivers, plan.policy.waivers, plan.today)
    results = judge.settle_baseline(results, plan.stock)
    if doubts:
        results = tuple(_doubt(result, doubts) for result in results)
    return Report(
        level=plan.level,
        policy_name=plan.policy.name,
        policy_sha256=plan.policy.sha256,
        project=plan.facts,
        settings={**_settings(plan), **settings, **({} if complete else {UNFINISHED: True})},
        complete=complete and plan.complete,
        results=results,
        started_at=started.isoformat(timespec="seconds"),
        judged_on=plan.today,
        seconds={name: round(outcome.seconds, 3) for name, outcome in sorted(outcomes.items())},
        host=platform.node(),
        reused=tuple(sorted(name for name, outcome in outcomes.items() if outcome.reused)),
        models=tuple(models),
        notes=(
            *notes,
            *judge.expiring(plan.waivers, plan.policy.waivers, plan.today),
            *judge.slack(results),
        ),
        flow=flow,
    )


def _judge(plan: Plan, rule: Rule, outcome: Outcome | None) -> Result:
    if outcome is None:
        return judge.error(rule.gate, "not-run: the gate did not finish, so nothing is proven")
    if outcome.observation is None:
        return judge.error(rule.gate, outcome.error, external=outcome.external, evidence=outcome.evidence)
    waivers = [waiver for waiver in plan.waivers if waiver.gate == rule.gate]
    result = judge.judge(rule, outcome.observation, waivers, plan.today, plan.stock.frozen)
    return _without_base(plan, result)


def _without_base(plan: Plan, result: Result) -> Result:
    """Say why a measure against the merge base is missing, where one is."""
    if result.verdict is not Verdict.ERROR or not plan.base_missing:
        return result
    if not any("changed_" in reason for reason in result.because):
        return result
    return replace(result, because=(*result.because, f"no-merge-base: {plan.base_missing}"))


def _doubt(result: Result, doubts: Sequence[str]) -> Result:
    if result.verdict is Verdict.ERROR:
        return replace(result, because=(*result.because, *doubts))
    return replace(result, verdict=Verdict.ERROR, because=(*doubts, *result.because), fixable="code")


def _settings(plan: Plan) -> dict[str, Option]:
    base = plan.base
    return {
        "seed": plan.request.seed,
        "mode": plan.request.mode.value,
        "base": f"{base.commit} ({base.chosen})" if base is not None else "none",
        "only": list(plan.request.only),
        "gates_demanded": len(plan.policy.rules),
    }


def load_tests(
    order: Mapping[str, Option], known: Mapping[bytes, TestRecord] = test_records.NOTHING_KNOWN
) -> tuple[TestRun | None, str]:
    """Return the records of the test run that an order names, or why there are none.

    `known` are those that were read already, by their lines.
    """
    match order:
        case {"records": str(path), "nonce": str(nonce), "coverage": coverage, "exit_status": status}:
            try:
                run = test_records.read(Path(path).read_bytes(), nonce, known)
            except (test_records.RecordsError, OSError) as error:
                return None, str(error)
            run = replace(run, coverage_data=Path(coverage) if isinstance(coverage, str) else None)
            return (replace(run, exit_status=status) if isinstance(status, int) else run), ""
        case _:
            return None, str(order.get("problem"))


def jobs(
    plan: Plan,
    names: Sequence[str],
    phase: Phase,
    staging: Staging,
    scratch: Path,
    tests: TestRun | None,
    problem: str,
) -> list[Job]:
    """Return a job for each named gate of the phase, the longest time limit first."""
    chosen = [rule for rule in plan.rules if rule.gate in names and phase_of(plan.gates[rule.gate]) is phase]

    def job(rule: Rule) -> Job:
        gate = plan.gates[rule.gate]
        kept: list[Evidence] = []
        contacts: set[str] = set()
        memory = Memory()
        made: list[GateRun] = []

        def keep(name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False) -> Evidence:
            stored = staging.keep(rule.gate, name, data, has_contacts=has_contacts)
            kept.append(replace(stored, volatile=volatile))
            if has_contacts:
                contacts.add(stored.name)
            return kept[-1]

        def make(deadline: float) -> Run:
            folder = scratch / "gates" / rule.gate
            folder.mkdir(parents=True)
            run = GateRun(
                gate=rule.gate,
                root=plan.request.root,
                level=plan.level,
                source=plan.source,
                test_roots=plan.test_roots,
                interpreter=plan.interpreter,
                settings=plan.settings[rule.gate],
                options={name: option.value for name, option in rule.options.items()},
                base=plan.base,
                base_missing=plan.base_missing,
                seed=plan.request.seed,
                today=plan.today,
                scratch=folder,
                deadline=deadline,
                memory_mb=rule.memory_mb,
                keep=keep,
                test_run=tests,
                no_tests=problem,
                facts=plan.facts,
                signing_key=plan.signing_key,
                committed=plan.committed,
                clarifications=plan.clarifications,
                perf_prove=plan.request.perf_prove,
                memory=memory,
            )
            made.append(run)
            return run

        def close() -> None:
            for run in made:
                run.close()

        return Job(
            gate=gate,
            timeout=rule.timeout,
            run=make,
            close=close,
            kept=kept,
            contacts=contacts,
            memory=memory,
        )

    return [job(rule) for rule in sorted(chosen, key=lambda rule: -rule.timeout)]
