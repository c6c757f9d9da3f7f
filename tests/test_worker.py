"""The worker: it obeys the orders of one parent, tells every outcome, and does not outlive the parent."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import psutil
import pytest

from pytest_failhard import engine, handed, model, plan, records, stamps, worker
from pytest_failhard.checkpoint import Checkpoint, Wanted
from pytest_failhard.engine import Outcome
from pytest_failhard.gates.coverage import CoverageGate
from pytest_failhard.gates.tests import TestsGate
from pytest_failhard.hired import RESULT, WORKER
from pytest_failhard.inputs import Inputs
from pytest_failhard.model import GateError, Mode, Observation, Option, Run
from pytest_failhard.redact import Redactor
from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.manifest import KIND
from pytest_failhard.store import Staging
from tests.acceptance.project import VIOLATION, write
from tests.conftest import Script
from tests.support import GATES, empty_run, gate_run, measuring

NONCE = "a5" * 16
NO_TESTS: Mapping[str, object] = {"records": None, "problem": "the tests never ran", "restored": False}
SECONDS = 120
REPOSITORY = Path(__file__).parents[1]


def order(
    root: Path,
    folder: Path,
    *gates: str,
    level: int = 1,
    only: tuple[str, ...] = (),
    resume: bool | None = None,
) -> str:
    """Return the first order as the parent writes it; with `resume` there is a checkpoint, to begin or to take up."""
    request = plan.Request(root=root, level=level, mode=Mode.SUPERVISED, only=only or gates)
    wanted = Wanted(start=folder, parts=("kept",), resume=resume is True)
    for name in ("staging", "scratch"):
        (folder / name).mkdir()
    resolved = plan.resolve(request, plan.collect_gates(()), GATES, date(2026, 6, 1))
    return json.dumps(
        {
            "plan": handed.dump(resolved, gates),
            "gates": gates,
            "staging": str(folder / "staging"),
            "scratch": str(folder / "scratch"),
            "redactor": Redactor.from_environment({"API_TOKEN": "a-secret-value"}).dump(),
            "checkpoint": None if resume is None else wanted.order(),
        }
    )


def told_by(first: str, tests: Mapping[str, object], *, waits: bool = False) -> list[dict[str, object]]:
    """Run a worker in this process and return its events; one that `waits` has time before it is told."""
    events = io.StringIO()
    worker.Worker(iter([first, json.dumps(tests)]), events, is_told=lambda: not waits).serve()
    return [json.loads(line) for line in events.getvalue().splitlines()]


def serve(first: str, tests: Mapping[str, object], *, waits: bool = False) -> dict[str, dict[str, object]]:
    """Run a worker in this process and return the event of each gate."""
    told = told_by(first, tests, waits=waits)
    assert told[-1] == {"end": True}
    begun = [str(event["begun"]) for event in told if "begun" in event]
    outcomes = {str(event["gate"]): event for event in told if "gate" in event}
    assert sorted(begun) == sorted(outcomes)
    return outcomes


def test_a_static_gate_is_observed_and_its_evidence_staged(shop: Path, tmp_path: Path) -> None:
    write(shop, {**VIOLATION, "shop/secret.py": 'import sys\nURL = "a-secret-value"\n'})
    events = serve(order(shop, tmp_path, "lint"), NO_TESTS)
    observation = json.loads(str(events["lint"]["observation"]))
    assert {finding["path"] for finding in observation["findings"]} >= {"shop/dirty.py", "shop/secret.py"}
    assert events["lint"]["error"] == ""
    kept = {path.name for path in (tmp_path / "staging" / "lint").iterdir()}
    named = events["lint"]["evidence"] or observation["evidence"]
    assert isinstance(named, list)
    assert kept == {item["name"] for item in named}
    assert not any(
        b"a-secret-value" in path.read_bytes() for path in (tmp_path / "staging" / "lint").iterdir()
    )


@pytest.mark.parametrize("waits", [False, True])
def test_gates_that_need_the_tests_say_why_there_are_none(shop: Path, tmp_path: Path, waits: bool) -> None:
    events = serve(order(shop, tmp_path, "tests", "coverage"), NO_TESTS, waits=waits)
    for gate in ("tests", "coverage"):
        assert events[gate]["observation"] is None
        assert "the tests never ran" in str(events[gate]["error"])


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"", "missing"), (b"half a line", "cut short"), (b"{}\n", "cut short"), (None, "No such file")],
)
def test_a_broken_result_file_is_an_error(
    shop: Path, tmp_path: Path, content: bytes | None, part: str
) -> None:
    path = tmp_path / "result.jsonl"
    if content is not None:
        path.write_bytes(content)
    tests = {"records": str(path), "nonce": NONCE, "coverage": None, "exit_status": 0, "restored": False}
    events = serve(order(shop, tmp_path, "tests"), tests)
    assert part in str(events["tests"]["error"])


@pytest.mark.parametrize("waits", [False, True])
def test_what_cannot_be_read_is_an_error_of_the_gate_that_reads_it(
    shop: Path, tmp_path: Path, waits: bool
) -> None:
    write(shop, {"tests/test_half.py": "def test_half(:\n"})
    path = tmp_path / "result.jsonl"
    path.write_bytes(records.seal(empty_run(), NONCE))
    tests = {"records": str(path), "nonce": NONCE, "coverage": None, "exit_status": 0, "restored": False}
    events = serve(order(shop, tmp_path, "tests", "coverage"), tests, waits=waits)
    assert events["tests"]["observation"] is None
    assert "tests/test_half.py:1: does not parse" in str(events["tests"]["error"])
    assert "no coverage was measured" in str(events["coverage"]["error"])


def test_a_gate_that_breaks_before_the_tests_have_ended_is_an_error_of_its_own(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: CoverageGate, run: Run) -> Callable[[Run], Observation]:
        raise ZeroDivisionError(f"in {run.root.name}")

    monkeypatch.setattr(CoverageGate, "begin", broken)
    path = tmp_path / "result.jsonl"
    path.write_bytes(records.seal(empty_run(), NONCE))
    tests = {"records": str(path), "nonce": NONCE, "coverage": None, "exit_status": 5, "restored": False}
    events = serve(order(shop, tmp_path, "tests", "coverage"), tests, waits=True)
    assert "gate-crashed: ZeroDivisionError: in shop" in str(events["coverage"]["error"])
    assert "pytest collected no test" in str(events["tests"]["error"])


def test_a_test_file_that_was_hidden_while_it_was_read_is_missed_all_the_same(
    shop: Path, tmp_path: Path
) -> None:
    write(shop, {"tests/test_later.py": "def test_later() -> None:\n    assert len('a') == 1\n"})
    gate = TestsGate()
    hidden = (shop / "tests" / "test_later.py").rename(tmp_path / "hidden")
    run = gate_run(shop, gate, source=("shop",), tests=("tests",), test_run=empty_run())
    rest = gate.begin(run)
    hidden.rename(shop / "tests" / "test_later.py")
    with pytest.raises(GateError, match=r"uncollected-file: .*tests/test_later\.py"):
        rest(run)


def test_what_is_remembered_of_a_test_file_is_what_stands_in_it_at_the_end(shop: Path) -> None:
    path = shop / "test_later.py"
    texts = [f"def {name}() -> None:\n    assert len('a') == 1\n" for name in ("test_before", "test_after")]
    path.write_text(texts[0], "utf-8")
    gate = TestsGate()
    memory = model.Memory()
    run = gate_run(
        shop, gate, source=("shop",), tests=("tests", path.name), test_run=empty_run(), memory=memory
    )
    rest = gate.begin(run)
    path.write_text(texts[1], "utf-8")
    with pytest.raises(GateError, match=r"uncollected-file: .*test_later\.py"):
        rest(run)
    known = ByFile(KIND, memory.left)
    assert known.find(path.name, texts[0].encode()) is None
    assert known.find(path.name, texts[1].encode()) == ["test_later.py::test_after"]


def test_where_the_system_does_not_say_what_was_written_all_is_read_once_more(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(folder: Path, left_out: frozenset[str]) -> list[stamps.Listed]:
        raise PermissionError(errno.EACCES, f"{folder.name} without {len(left_out)} folders")

    monkeypatch.setattr(stamps, "listed", closed)
    gate = TestsGate()
    run = gate_run(shop, gate, source=("shop",), tests=("tests",), test_run=empty_run())
    rest = gate.begin(run)
    write(shop, {"tests/test_later.py": "def test_later() -> None:\n    assert len('a') == 1\n"})
    with pytest.raises(GateError, match=r"uncollected-file: .*tests/test_later\.py"):
        rest(run)


def test_what_the_tests_say_is_read_while_they_run(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = model.TestRecord(nodeid="tests/test_a.py::test_a", when="call", outcome="passed", raised="")
    first, path = order(shop, tmp_path, "tests"), tmp_path / "scratch" / RESULT
    path.write_bytes(records.seal(dataclasses.replace(empty_run(), records=(record,)), NONCE))
    looked, load = threading.Event(), engine.load_tests
    handed_on: list[model.TestRecord] = []

    class Looking(records.Ahead):
        def look(self) -> None:
            super().look()
            looked.set()

    def loading(
        told: Mapping[str, Option], known: Mapping[bytes, model.TestRecord]
    ) -> tuple[model.TestRun | None, str]:
        handed_on.extend(known.values())
        return load(told, known)

    def orders() -> Iterator[str]:
        yield first
        assert looked.wait(SECONDS)
        yield json.dumps(
            {"records": str(path), "nonce": NONCE, "coverage": None, "exit_status": 0, "restored": False}
        )

    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(worker, "Ahead", Looking)
    monkeypatch.setattr(engine, "load_tests", loading)
    events = io.StringIO()
    worker.Worker(orders(), events, is_told=lambda: False).serve()
    assert handed_on == [record]
    assert "uncollected-file" in events.getvalue()


def test_a_worker_says_when_only_the_tests_are_waited_for(shop: Path, tmp_path: Path) -> None:
    first, events, told = order(shop, tmp_path, "lint", "tests"), io.StringIO(), threading.Event()

    class Telling(worker.Worker):
        def rest(self) -> None:
            super().rest()
            told.set()

    def orders() -> Iterator[str]:
        yield first
        assert told.wait(SECONDS)
        yield json.dumps(NO_TESTS)

    Telling(orders(), events, is_told=lambda: False).serve()
    lines = [json.loads(line) for line in events.getvalue().splitlines()]
    at = lines.index({"idle": True})
    assert [event["gate"] for event in lines[:at] if "gate" in event] == ["lint"]
    assert [event["gate"] for event in lines[at:] if "gate" in event] == ["tests"]


def test_a_worker_that_is_told_nothing_any_more_does_not_wait_for_records(shop: Path, tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(StopIteration):
        worker.Worker(iter([order(shop, tmp_path, "tests")]), io.StringIO(), is_told=lambda: False).serve()
    deadline = time.monotonic() + SECONDS
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("status", [None, 5])
@pytest.mark.parametrize("waits", [False, True])
def test_records_are_handed_to_the_gates(shop: Path, tmp_path: Path, status: int | None, waits: bool) -> None:
    empty = empty_run()
    path = tmp_path / "result.jsonl"
    path.write_bytes(records.seal(empty, NONCE))
    data = tmp_path / "coverage"
    data.mkdir()
    tests = {
        "records": str(path),
        "nonce": NONCE,
        "coverage": str(data),
        "exit_status": status,
        "restored": False,
    }
    events = serve(order(shop, tmp_path, "tests", "coverage"), tests, waits=waits)
    assert "pytest collected no test (exit status 5)" in str(events["tests"]["error"])
    assert "no coverage data" in str(events["coverage"]["error"])


def test_a_gate_that_cannot_run_leaves_the_others_alone(shop: Path, tmp_path: Path) -> None:
    first = order(shop, tmp_path, "lint", "types")
    # The folder that the gate is to have is taken.
    write(tmp_path, {"scratch/gates/lint/taken": ""})
    events = serve(first, NO_TESTS)
    assert str(events["lint"]["error"]).startswith("gate-crashed: FileExistsError")
    assert events["types"]["observation"] is not None


def test_without_a_place_for_a_checkpoint_the_gates_run_all_the_same(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").symlink_to(tmp_path)
    told = told_by(order(shop, tmp_path, "lint", resume=False), NO_TESTS)
    assert str(told[0]["note"]).startswith("no-checkpoint: cache-refused")
    assert [event.get("gate") for event in told[1:]] == [None, "lint", None]


def test_a_run_that_cannot_go_on_runs_no_gate(shop: Path, tmp_path: Path) -> None:
    (told,) = told_by(order(shop, tmp_path, "lint", resume=True), NO_TESTS)
    assert str(told["refused"]).startswith("resume: there is nothing to go on from in ")


def test_what_was_seen_before_is_told_and_what_depends_on_other_tests_is_dropped(
    shop: Path, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first = json.loads(order(shop, tmp_path / "first", "lint", "tests", resume=False))
    again = json.loads(order(shop, tmp_path / "second", "lint", "tests", resume=True))
    again["checkpoint"]["start"] = first["checkpoint"]["start"]
    (key,) = (event["checkpoint"] for event in told_by(json.dumps(first), NO_TESTS) if "checkpoint" in event)
    kept = tmp_path / "first" / "kept"
    (lint,) = kept.glob("lint-*.entry")
    stale = kept / lint.name.replace("lint", "tests")
    shutil.copy(lint, stale)
    told = told_by(json.dumps(again), NO_TESTS)
    assert told[0] == {"checkpoint": key}
    assert [event["gate"] for event in told if event.get("reused")] == ["lint"]
    assert [event["begun"] for event in told if "begun" in event] == ["tests"]
    assert not stale.exists()
    # A file that was another's is told, and its gate runs.
    lint.write_bytes(b"")
    shutil.rmtree(tmp_path / "second")
    (tmp_path / "second").mkdir()
    order(shop, tmp_path / "second")
    noted = told_by(json.dumps(again), NO_TESTS)
    assert str(noted[1]["note"]).startswith("checkpoint-damaged: lint-")
    assert {event["begun"] for event in noted if "begun" in event} == {"lint", "tests"}


def test_a_run_that_attests_keeps_nothing_and_goes_on_from_nothing(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    only = ("lint", "provenance")
    first = order(shop, tmp_path / "first", "lint", level=4, only=only, resume=False)
    assert not [event for event in told_by(first, NO_TESTS) if {"checkpoint", "note"} & {*event}]
    assert not (tmp_path / "first" / "kept").exists()
    (told,) = told_by(order(shop, tmp_path, "lint", level=4, only=only, resume=True), NO_TESTS)
    assert told["refused"] == "resume: a run attests only what it has seen itself; run without resuming"


def test_what_cannot_be_kept_any_more_is_noted_and_told(tmp_path: Path) -> None:
    events = io.StringIO()
    redactor = Redactor.from_environment({})
    served = worker.Worker(iter(()), events)
    served.staging = Staging(tmp_path, redactor)
    wanted = Wanted(start=tmp_path, parts=("kept",))
    served.checkpoint = Checkpoint.open(wanted, Inputs(parts={}), redactor)
    shutil.rmtree(tmp_path / "kept")
    seen = Observation(tool="scripted 1", examined=1)
    served.done(Outcome(gate="lint", observation=seen))
    note, told = map(json.loads, events.getvalue().splitlines())
    assert note["note"].startswith("no-checkpoint: of lint: cache-not-written")
    assert told["gate"] == "lint"


def start(
    events: Path, executable: Path, environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a worker as the parent does, and return it with the end of the pipe to write to."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [executable, "-c", WORKER, str(events), str(reading)],
        pass_fds=(reading,),
        env={"PATH": os.environ["PATH"], **measuring(), **environment},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(reading)
    return process, writing


def send(descriptor: int, lines: Sequence[str]) -> None:
    for line in lines:
        os.write(descriptor, line.encode() + b"\n")


def test_a_worker_ends_well_when_its_orders_are_done(shop: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    process, writing = start(events, Path(sys.executable), {})
    send(writing, [order(shop, tmp_path, "lint"), json.dumps(NO_TESTS)])
    assert process.wait(SECONDS) == 0
    os.close(writing)
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert [event.get("gate") for event in told] == [None, "lint", None]
    assert told[0]["begun"] == "lint"
    assert told[0]["limit"] > 0
    assert told[-1] == {"end": True}


def test_a_worker_whose_parent_died_ends_without_a_word(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    process, writing = start(events, Path(sys.executable), {})
    os.close(writing)
    assert process.wait(SECONDS) == 1
    assert events.read_text() == ""


def test_a_worker_that_fails_ends_at_once_with_its_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    process, writing = start(tmp_path / "events.jsonl", Path(sys.executable), {})
    send(writing, ["no order"])
    # The pipe stays open: the parent is alive, and waits.
    assert process.wait(SECONDS) == 1
    os.close(writing)
    assert "JSONDecodeError" in capfd.readouterr().err


def test_the_tools_of_a_worker_die_with_it(shop: Path, tmp_path: Path, script: Script) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    listening = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
    tools = script(("grandchild", str(told)), ("hang", ""))
    events = tmp_path / "events.jsonl"
    process, writing = start(events, tools.executable, {"PYTHONPATH": str(REPOSITORY)})
    send(writing, [order(shop, tmp_path, "lint")])
    assert select.select([listening], [], [], SECONDS)[0], "the tool was never started"
    grandchild = psutil.Process(int(os.read(listening, 100)))
    tool = grandchild.parent()
    assert tool is not None
    assert tool.pid != process.pid
    os.close(writing)
    assert process.wait(SECONDS) == 1
    _, alive = psutil.wait_procs([grandchild, tool], timeout=10)
    assert all(left.status() == psutil.STATUS_ZOMBIE for left in alive)
    os.close(listening)
