"""Tests of one worker as its parent sees it: each of its faults is an error, and nothing of it lives on."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.pairs.channel import Worker, WorkerDiedError
from pytest_failhard.model import GateError, Run
from pytest_failhard.run import GateRun
from tests.gates.performance.duets import ONE, run_of, side, survivors
from tests.support import measuring
from tests.trees import await_true

HOW = {
    "ends": "it ended; its last lines:\nI had enough",
    "killed": "it ended; its last lines:\nit wrote nothing",
    "babbles": "it wrote a line that is no message; its last lines:\nlast words",
    "interrupts": "it said `bye`, whose turn it was not",
}
ENVIRONMENT = {"PYTHONHASHSEED": "1", "FAILHARD_CPU": ""}


def serve(
    folder: Path, run: Run | None = None, *, within: float = 30, note: str = "", **script: object
) -> None:
    """Have one worker do all that one can do, as the first half of a pair."""
    with Worker(run or run_of(folder), side(folder, "base", **script), ENVIRONMENT) as worker:
        worker.hello()
        worker.collected()
        worker.order(run=[ONE], note=note)
        worker.settle(ONE, within=30)
        worker.batch(ONE, 4, within)
        worker.order(stop=True)
        worker.done(ONE)
        worker.finish()


class Expiring(GateRun):
    """A run whose time is over as soon as it has started a process."""

    def remaining(self) -> float:
        """Return what is left."""
        return 0.0 if self._started else super().remaining()


def expiring(folder: Path) -> Run:
    """Return such a run."""
    run = run_of(folder)
    return Expiring(**{field.name: getattr(run, field.name) for field in fields(run) if field.init})


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("hello", "ends"),
        ("batch", "ends"),
        ("proof", "ends"),
        ("batch", "killed"),
        ("batch", "babbles"),
        ("hello", "interrupts"),
        ("batch", "interrupts"),
    ],
)
def test_a_fault_is_an_error_and_leaves_no_process(tmp_path: Path, step: str, fault: str) -> None:
    with pytest.raises(
        WorkerDiedError, match=r"^worker-died: during .* the process of base was lost: "
    ) as caught:
        serve(tmp_path, faults={step: fault})

    assert HOW[fault] in str(caught.value)
    assert survivors(tmp_path) == []


def test_a_worker_that_does_as_it_should_ends_by_itself(tmp_path: Path) -> None:
    serve(tmp_path, note="an order may be longer than a pipe holds" * 10_000)

    assert survivors(tmp_path) == []


def test_of_its_log_the_last_lines_are_told(tmp_path: Path) -> None:
    with pytest.raises(WorkerDiedError) as caught:
        serve(tmp_path, faults={"batch": "chatters"})

    assert str(caught.value).splitlines()[1:] == [f"line {number}" for number in range(60, 100)]


@pytest.mark.parametrize("step", ["ready", "done"])
def test_what_speaks_of_another_benchmark_has_lost_its_way(tmp_path: Path, step: str) -> None:
    with pytest.raises(WorkerDiedError, match=r"it spoke of tests/test_other\.py::test"):
        serve(tmp_path, faults={step: "confuses"})

    assert survivors(tmp_path) == []


def test_a_silent_one_is_not_waited_for_longer_than_it_may_take(tmp_path: Path) -> None:
    with pytest.raises(WorkerDiedError, match=rf"during a batch of {ONE} .* it was silent for 0 seconds"):
        serve(tmp_path, within=0.01, faults={"batch": "hangs"})

    assert survivors(tmp_path) == []


def test_the_time_of_the_gate_ends_all_waiting(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"^performance: the gate's time was over during its start \(base\)"):
        serve(tmp_path, expiring(tmp_path), faults={"hello": "hangs"})


def test_one_that_writes_without_end_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"more than 1000 bytes of output"):
        serve(tmp_path, replace(run_of(tmp_path), output_cap=1000), faults={"batch": "floods"})

    assert survivors(tmp_path) == []


def test_one_that_reads_no_more_is_not_written_to_for_ever(tmp_path: Path) -> None:
    with pytest.raises(WorkerDiedError, match=r"during an order .* was lost: it reads no more"):
        serve(tmp_path, faults={"collected": "deafens"})


def test_one_that_is_traced_measures_nothing(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"^traced-worker: sys\.settrace is active"):
        serve(tmp_path, hello={"traced": "sys.settrace"})


def test_one_that_cannot_be_started(tmp_path: Path) -> None:
    nowhere = replace(side(tmp_path, "base"), python=tmp_path / "no-python")

    with pytest.raises(GateError, match=r"no-python cannot be started in base"):
        Worker(run_of(tmp_path), nowhere, ENVIRONMENT)


PARENT = """
import sys
from pathlib import Path
from tests.gates.performance.duets import benchmark, duet
duet(Path(sys.argv[1]), both={"faults": {"batch": "hangs"}}).play([benchmark()], 1)
"""


def test_where_the_gate_is_killed_its_workers_end(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PARENT, str(tmp_path)]
    root = Path(__file__).parents[4]
    with subprocess.Popen(argv, env={**measuring(), "PATH": os.defpath, "PYTHONPATH": str(root)}) as parent:
        await_true(lambda: len([*tmp_path.glob("*/*.pid")]) == 2, "both run")
        assert len(survivors(tmp_path)) == 2
        parent.kill()

    await_true(lambda: not survivors(tmp_path), "both are gone")
