"""The engine: gates side by side under their limits; whatever a gate does, there is an outcome."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_failhard import engine, plan, policy, resident
from pytest_failhard.model import (
    Evidence,
    GateError,
    Mode,
    Observation,
    Phase,
    Process,
    Run,
    Settings,
    Verdict,
)
from pytest_failhard.redact import Redactor
from pytest_failhard.run import GateRun
from pytest_failhard.store import Staging
from tests.support import Kept, gate_run


@dataclass
class ScriptedGate:
    """A gate that does what the test says."""

    id: str
    act: Callable[[Run], Observation]
    settings: type[Settings] = field(default=Settings)

    def observe(self, run: Run) -> Observation:
        return self.act(run)


def seen(_: Run) -> Observation:
    return Observation(tool="scripted 1", examined=1)


@dataclass
class Watched:
    """What an engine says of its gates as they begin and end."""

    running: set[str] = field(default_factory=set)
    peak: int = 0

    def begun(self, gate: str, seconds: float) -> None:
        assert seconds > 0
        self.running.add(gate)
        self.peak = max(self.peak, len(self.running))


def observe(
    gates: list[ScriptedGate],
    tmp_path: Path,
    *,
    slots: int = 2,
    timeout: float = 30.0,
    budget: float = 30.0,
    watched: Watched | None = None,
) -> tuple[dict[str, engine.Outcome], list[str]]:
    outcomes: dict[str, engine.Outcome] = {}
    warnings: list[str] = []

    def job(gate: ScriptedGate) -> engine.Job:
        return engine.Job(
            gate=gate,
            timeout=timeout,
            run=lambda _: gate_run(tmp_path, gate, scratch=tmp_path / "scratch" / gate.id),
        )

    seen_by = watched or Watched()

    def done(outcome: engine.Outcome) -> None:
        outcomes[outcome.gate] = outcome
        seen_by.running.remove(outcome.gate)

    engine.observe(
        [job(gate) for gate in gates],
        slots=slots,
        budget=budget,
        done=done,
        warn=warnings.append,
        begun=seen_by.begun,
        grace=0.05,
    )
    assert not seen_by.running
    return outcomes, warnings


def test_each_gate_has_its_outcome(tmp_path: Path) -> None:
    gates = [ScriptedGate(f"gate{number}", seen) for number in range(5)]
    outcomes, warnings = observe(gates, tmp_path)
    assert sorted(outcomes) == [gate.id for gate in gates]
    assert all(outcome.observation is not None for outcome in outcomes.values())
    assert warnings == []


def test_a_gate_error_keeps_its_words_and_where_the_fault_lies(tmp_path: Path) -> None:
    def fail(_: Run) -> Observation:
        raise GateError("the service did not answer", external=True)

    outcomes, _ = observe([ScriptedGate("outside", fail), ScriptedGate("other", seen)], tmp_path)
    assert outcomes["outside"].observation is None
    assert outcomes["outside"].error == "the service did not answer"
    assert outcomes["outside"].external
    assert outcomes["other"].observation is not None


def test_an_exception_of_a_gate_is_an_error_with_its_traceback_kept_FO_107(tmp_path: Path) -> None:
    def crash(_: Run) -> Observation:
        raise ZeroDivisionError("by zero")

    outcomes, _ = observe([ScriptedGate("broken", crash), ScriptedGate("other", seen)], tmp_path)
    assert outcomes["broken"].observation is None
    assert outcomes["broken"].error.startswith("gate-crashed: ZeroDivisionError: by zero")
    assert [item.name for item in outcomes["broken"].evidence] == ["traceback.txt"]
    assert outcomes["other"].observation is not None


def test_a_gate_that_never_returns_is_given_up_and_the_others_go_on_FO_89(tmp_path: Path) -> None:
    never = threading.Event()

    def hang(_: Run) -> Observation:
        never.wait()
        raise AssertionError("nothing sets the event before the test is over")

    gates = [ScriptedGate("hangs", hang), *(ScriptedGate(f"gate{number}", seen) for number in range(4))]
    outcomes, warnings = observe(gates, tmp_path, timeout=0.2)
    never.set()
    assert outcomes["hangs"].error.startswith("timeout: no answer within 0 seconds")
    assert sum(outcome.observation is not None for outcome in outcomes.values()) == 4
    assert warnings == ["gate hangs has used 95 % of its 0 seconds"]


def test_what_a_gate_says_after_it_was_given_up_is_not_heard(tmp_path: Path) -> None:
    given_up, late = threading.Event(), threading.Event()
    outcomes: list[engine.Outcome] = []

    def hang(run: Run) -> Observation:
        late.wait()
        return seen(run)

    def outlive(run: Run) -> Observation:
        given_up.wait()
        late.set()
        for thread in threading.enumerate():
            if thread.name == "failhard-hangs":
                thread.join()
        return seen(run)

    def done(outcome: engine.Outcome) -> None:
        outcomes.append(outcome)
        given_up.set()

    def made(gate: ScriptedGate, _: float) -> Run:
        return gate_run(tmp_path, gate)

    gates = {0.1: ScriptedGate("hangs", hang), 30.0: ScriptedGate("outlives", outlive)}
    jobs = [
        engine.Job(gate=gate, timeout=timeout, run=partial(made, gate)) for timeout, gate in gates.items()
    ]
    engine.observe(jobs, slots=2, budget=30.0, done=done, warn=lambda _: None, grace=0.05)
    assert [(outcome.gate, outcome.observation is None) for outcome in outcomes] == [
        ("hangs", True),
        ("outlives", False),
    ]


@pytest.mark.parametrize(
    "trouble", [GateError("cannot-write: the disk is full"), OSError("the disk is full")]
)
def test_a_traceback_that_cannot_be_kept_takes_no_gate_s_outcome_away(
    tmp_path: Path, trouble: Exception
) -> None:
    class Full(Kept):
        def __call__(
            self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False
        ) -> Evidence:
            raise trouble

    def crash(_: Run) -> Observation:
        raise ZeroDivisionError("by zero")

    gate = ScriptedGate("broken", crash)
    outcomes: list[engine.Outcome] = []
    engine.observe(
        [engine.Job(gate=gate, timeout=30.0, run=lambda _: gate_run(tmp_path, gate, keep=Full()))],
        slots=1,
        budget=30.0,
        done=outcomes.append,
        warn=lambda _: None,
    )
    assert [outcome.evidence for outcome in outcomes] == [()]
    assert "its traceback could not be kept" in outcomes[0].error
    assert "the disk is full" in outcomes[0].error


@pytest.mark.parametrize("hangs", [False, True])
def test_what_a_gate_started_ends_with_it(tmp_path: Path, hangs: bool) -> None:
    processes: list[Process] = []
    runs: list[GateRun] = []
    outcomes: list[engine.Outcome] = []

    def start(run: Run) -> Observation:
        argv = [sys.executable, "-I", "-c", "import time; time.sleep(600)"]
        processes.append(run.start(argv, environment={}, cwd=tmp_path))
        if hangs:
            processes[0].wait(600)
        return seen(run)

    def made(_: float) -> Run:
        runs.append(gate_run(tmp_path, gate, seconds=600))
        return runs[0]

    gate = ScriptedGate("starts", start)

    def close() -> None:
        for run in runs:
            run.close()

    job = engine.Job(gate=gate, timeout=1.0 if hangs else 30.0, run=made, close=close)
    engine.observe([job], slots=1, budget=60, done=outcomes.append, warn=lambda _: None, grace=0.05)
    assert processes[0].poll() == -signal.SIGTERM
    assert [bool(outcome.error) for outcome in outcomes] == [hangs]


HOLDS = "import time; held = b'x' * 45_000_000; time.sleep(600)"


def test_what_a_gate_started_may_hold_so_much_together_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resident, "PAUSE_SECONDS", 0.01)
    codes: list[int | None] = []

    def started(run: Run) -> Observation:
        # One alone is within the limit, and so is what it starts.
        argv = [sys.executable, "-I", "-S", "-c", HOLDS]
        both = f"import subprocess; subprocess.Popen({argv!r}); {HOLDS}"
        codes.append(run.start([*argv[:-1], both], environment={}, cwd=tmp_path).wait(60))
        return seen(run)

    outcomes: list[engine.Outcome] = []
    gate = ScriptedGate("starts", started)
    made = gate_run(tmp_path, gate, memory_mb=100)
    job = engine.Job(gate=gate, timeout=60.0, run=lambda _: made, close=made.close)
    engine.observe([job], slots=1, budget=60, done=outcomes.append, warn=lambda _: None)
    assert codes == [-signal.SIGTERM]
    assert outcomes[0].observation is None
    assert outcomes[0].error.startswith("memory: its processes held more than 100 MB together")


@pytest.mark.parametrize("error", ["", "no good"])
def test_what_cannot_be_ended_is_an_error_of_the_gate(tmp_path: Path, error: str) -> None:
    def close() -> None:
        raise GateError("processes (1,) could not be ended")

    def observed(run: Run) -> Observation:
        if error:
            raise GateError(error)
        return seen(run)

    outcomes: list[engine.Outcome] = []
    gate = ScriptedGate("starts", observed)
    job = engine.Job(gate=gate, timeout=30.0, run=lambda _: gate_run(tmp_path, gate), close=close)
    engine.observe([job], slots=1, budget=60, done=outcomes.append, warn=lambda _: None)
    said = "processes (1,) could not be ended"
    assert [(outcome.observation, outcome.error) for outcome in outcomes] == [
        (None, f"{error}; {said}" if error else said)
    ]


@pytest.mark.parametrize("history", [True, False])
def test_a_measure_of_changed_code_without_a_base_says_why_there_is_none_FO_136(
    shop: Path, history: bool
) -> None:
    if not history:
        shutil.rmtree(shop / ".git")
    request = plan.Request(root=shop, level=4, mode=Mode.SUPERVISED, only=("coverage", "lint"))
    gates = plan.collect_gates(())
    resolved = plan.resolve(request, gates, [gate.id for gate in gates], date(2026, 6, 1))
    observation = Observation(tool="scripted 1", examined=1)
    outcomes = {
        "coverage": engine.Outcome(gate="coverage", observation=observation),
        "lint": engine.Outcome(gate="lint", observation=Observation(tool="scripted 1", examined=0)),
    }
    report = engine.conclude(resolved, outcomes, started=datetime.now(UTC), settings={})
    coverage, lint = report.results
    assert coverage.verdict is lint.verdict is Verdict.ERROR
    assert any(reason.startswith("no-merge-base: ") for reason in coverage.because) is not history
    assert not any(reason.startswith("no-merge-base: ") for reason in lint.because)


def test_a_gate_sees_the_clarifications_and_the_limits_of_the_plan(shop: Path, tmp_path: Path) -> None:
    reading = f"{{path: LICENSE, sha256: '{'0' * 64}'}}"
    text = (
        f"{{package: x, version: '1', expression: MIT, reason: read by Ada, owner: Ada, files: [{reading}]}}"
    )
    (shop / "failhard-waivers.yaml").write_text(f"schema: failhard-waivers/1\nclarifications: [{text}]\n")
    gates = plan.collect_gates(())
    house = policy.shipped_text(1).replace(b"\n  lint:\n", b"\n  lint:\n    memory_mb: 512\n")
    (tmp_path / "house.yaml").write_bytes(house)
    request = plan.Request(
        root=shop, level=1, mode=Mode.SUPERVISED, only=("lint",), policy=tmp_path / "house.yaml"
    )
    resolved = plan.resolve(request, gates, [gate.id for gate in gates], date(2026, 6, 1))
    staging = Staging(tmp_path, Redactor.from_environment({}))
    [job] = engine.jobs(resolved, ["lint"], Phase.STATIC, staging, tmp_path / "scratch", None, "")
    run = job.run(0.0)
    assert isinstance(run, GateRun)
    assert [each.package for each in run.clarifications] == ["x"]
    assert run.memory_mb == 512


def test_the_budget_of_the_run_cuts_a_timeout_short(tmp_path: Path) -> None:
    never = threading.Event()

    def hang(_: Run) -> Observation:
        never.wait()
        raise AssertionError("nothing sets the event before the test is over")

    outcomes, _ = observe([ScriptedGate("hangs", hang)], tmp_path, timeout=3600.0, budget=0.2)
    never.set()
    assert outcomes["hangs"].error.startswith("timeout:")


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_no_more_gates_run_at_once_than_there_are_slots(tmp_path: Path, slots: int) -> None:
    lock = threading.Lock()
    running: list[str] = []
    most: list[int] = []
    together = threading.Barrier(slots)

    def count(run: Run) -> Observation:
        with lock:
            running.append("x")
            most.append(len(running))
        together.wait(timeout=10)
        with lock:
            running.pop()
        return seen(run)

    watched = Watched()
    gates = [ScriptedGate(f"gate{number}", count) for number in range(slots * 3)]
    observe(gates, tmp_path, slots=slots, watched=watched)
    # The barrier proves that as many really ran side by side.
    assert max(most) == watched.peak == slots


@dataclass
class Awaited:
    """Jobs that can begin once something is told; `asked` says for each question whether it would wait."""

    jobs: Sequence[engine.Job]
    told: threading.Event = field(default_factory=threading.Event)
    asked: list[bool] = field(default_factory=list)
    waited: Callable[[], object] = bool

    def take(self, *, wait: bool) -> Sequence[engine.Job] | None:
        self.asked.append(wait)
        if wait:
            self.waited()
        return self.jobs if wait or self.told.is_set() else None


def job(tmp_path: Path, name: str, act: Callable[[Run], Observation]) -> engine.Job:
    gate = ScriptedGate(name, act)
    return engine.Job(gate=gate, timeout=3600.0, run=lambda _: gate_run(tmp_path, gate))


def test_what_others_wait_for_has_a_slot_and_then_they_come_first(tmp_path: Path) -> None:
    order: list[str] = []
    running: set[str] = set()
    beside: dict[str, int] = {}
    free = threading.Event()

    def begun(gate: str, _: float) -> None:
        order.append(gate)
        beside[gate] = len(running)
        running.add(gate)

    def long(run: Run) -> Observation:
        later.told.set()
        assert free.wait(timeout=30)
        return seen(run)

    def release(run: Run) -> Observation:
        free.set()
        return seen(run)

    later = Awaited([job(tmp_path, "tests", release), job(tmp_path, "coverage", seen)])
    engine.observe(
        [job(tmp_path, "first", seen), job(tmp_path, "second", long), job(tmp_path, "third", seen)],
        slots=2,
        budget=60,
        done=lambda outcome: running.remove(outcome.gate),
        warn=lambda _: None,
        begun=begun,
        later=later,
    )
    assert order == ["first", "second", "tests", "coverage", "third"]
    assert [beside[name] for name in ("first", "second", "tests")] == [0, 0, 1]
    assert not any(later.asked)


@dataclass
class Tooled(ScriptedGate):
    waits_for_tool: bool = True


def test_a_gate_that_waits_for_a_tool_goes_beside_one_that_works_here(tmp_path: Path) -> None:
    # Where one begins, these end: one place at a time is free.
    ends = {"tool 1": ["tool 1"], "tool 2": ["here 1"], "here 2": ["tool 2"], "here 3": ["here 2", "here 3"]}
    ended = {name: threading.Event() for names in ends.values() for name in names}
    order: list[str] = []

    def begun(gate: str, _: float) -> None:
        order.append(gate)
        for name in ends.get(gate, ()):
            ended[name].set()

    def made(name: str) -> engine.Job:
        def wait(run: Run) -> Observation:
            assert ended[name].wait(timeout=30)
            return seen(run)

        gate = Tooled(name, wait) if name.startswith("tool") else ScriptedGate(name, wait)
        return engine.Job(gate=gate, timeout=3600.0, run=lambda _: gate_run(tmp_path, gate))

    outcomes: list[engine.Outcome] = []
    engine.observe(
        [made(name) for name in ("here 1", "here 2", "tool 1", "tool 2", "here 3")],
        slots=2,
        budget=60,
        done=outcomes.append,
        warn=lambda _: None,
        begun=begun,
    )
    assert order == ["here 1", "tool 1", "tool 2", "here 2", "here 3"]
    assert all(outcome.observation is not None for outcome in outcomes)


def test_the_time_in_which_no_gate_runs_is_nobody_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    past = [0.0]
    real = time.monotonic
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: real() + sum(past)))
    later = Awaited([job(tmp_path, "late", seen)], waited=lambda: past.append(1000.0))
    limits: list[float] = []
    outcomes: list[engine.Outcome] = []
    spent = engine.observe(
        [job(tmp_path, "early", seen)],
        slots=1,
        budget=600,
        done=outcomes.append,
        warn=lambda _: None,
        begun=lambda _, seconds: limits.append(seconds),
        later=later,
    )
    assert [outcome.gate for outcome in outcomes if outcome.observation] == ["early", "late"]
    assert later.asked == [False, True]
    assert 0 < limits[1] <= limits[0] <= 600
    assert spent < 1000
