"""Tests of the clocks of other processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from pytest_failhard.gates.performance.routes import server_cpu
from pytest_failhard.gates.performance.routes.server_cpu import Reading

WORKER = """
import os, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
for line in iter(input, "end"):
    if line == "child":
        if (pid := os.fork()) == 0:
            burn(0.06)
            os._exit(0)
        os.waitpid(pid, 0)
    else:
        burn(float(line))
    print("done", flush=True)
"""


class Worker:
    """A process that uses as much of a processor as it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def does(self, what: str) -> int | None:
        """Have it do something, and return the nanoseconds that its clock counted."""
        before = server_cpu.read([self.process.pid])
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(what, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n"
        return server_cpu.between(before, server_cpu.read([self.process.pid]))


@pytest.fixture
def worker() -> Iterator[Worker]:
    argv = [sys.executable, "-I", "-S", "-c", WORKER]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Worker(process)
        process.kill()


def test_what_a_process_did_is_counted_and_nothing_else(worker: Worker) -> None:
    used = worker.does("0.03")
    assert used is not None
    assert used >= 30_000_000
    little = worker.does("0")
    assert little is not None
    assert little < used


def test_what_a_child_did_that_has_ended_is_counted(worker: Worker) -> None:
    used = worker.does("child")
    assert used is not None
    assert used >= 40_000_000


def test_a_process_that_is_gone_or_new_makes_the_difference_unknown(worker: Worker) -> None:
    before = server_cpu.read([worker.process.pid])
    worker.process.kill()
    worker.process.wait()
    after = server_cpu.read([worker.process.pid])
    assert set(before.pids) == {worker.process.pid}
    assert after == Reading(pids=frozenset(), nanoseconds=0)
    assert server_cpu.between(before, after) is None
    assert server_cpu.between(after, before) is None


def test_without_such_clocks_the_steps_of_the_system_are_counted(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    used = worker.does("0.05")
    assert used is not None
    assert used >= 30_000_000
