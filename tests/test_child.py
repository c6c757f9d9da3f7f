"""The test child: the test here is its supervisor, at the other end of its pipes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pytest_failhard import records
from pytest_failhard.measurement import rcfile_text
from pytest_failhard.model import TestRun as Run
from tests.acceptance.project import write
from tests.support import measuring

NONCE = "c3" * 16
SECONDS = 120
GREEN = {
    "app/__init__.py": "",
    "app/sums.py": "def add(a: int, b: int) -> int:\n    return a + b\n",
    "tests/test_sums.py": "from app.sums import add\n\n\ndef test_add() -> None:\n    assert add(1, 2) == 3\n",
    "tests/test_more.py": "from app.sums import add\n\n\ndef test_more() -> None:\n    assert add(2, 2) == 4\n",
}
# Looks for the nonce and for the result file wherever a curious test would look.
CURIOUS = """\
import os
import pathlib
import sys


def test_nothing_to_be_seen() -> None:
    nonce = "c3" * 16
    seen = [str(dict(os.environ)), str(sys.argv), str(sys.orig_argv)]
    seen += [pathlib.Path("/proc/self", name).read_text() for name in ("cmdline", "environ")]
    assert not [text for text in seen if nonce in text or "result.jsonl" in text]
    assert os.read(0, 1) == b""
    inherited = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]
    for descriptor in inherited:
        try:
            assert not os.get_inheritable(descriptor), descriptor
        except OSError:
            continue
"""
WAITING = """\
import os
import subprocess
import sys
import threading


def test_waits() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    with open({told!r}, "w") as stream:
        stream.write(f"{{os.getpid()}} {{child.pid}}")
    threading.Event().wait()
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a test child ended, and what it left."""

    code: int
    output: str
    data: bytes
    folder: Path

    @property
    def run(self) -> Run:
        """What the sealed result proves."""
        return records.read(self.data, NONCE)


class Supervisor:
    """Holds the other ends of a test child's pipes."""

    def __init__(self, folder: Path, files: Mapping[str, str], *options: str, **extra: str) -> None:
        self.folder = folder
        root = write(folder / "project", files)
        data = folder / "coverage"
        data.mkdir()
        ini = folder / "pytest.ini"
        ini.write_text(f"[pytest]\npythonpath = {root}\ntestpaths = tests\n")
        rcfile = folder / "coveragerc"
        rcfile.write_text(rcfile_text(root, ["app"], (), data))
        self.result = folder / "result.jsonl"
        descriptor = os.open(self.result, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        lifeline, self.held = os.pipe()
        self.output = (folder / "output.txt").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-m", "pytest", "-c", str(ini), f"--rootdir={root}"),
                *("-p", "no:cacheprovider", "-p", "failhard", "-p", "pytest_failhard.child"),
                *("--failhard-level=1", *options),
            ],
            cwd=root,
            env={"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **measuring(), **extra},
            stdin=subprocess.PIPE,
            stdout=self.output,
            stderr=self.output,
            pass_fds=(descriptor, lifeline),
            start_new_session=True,
        )
        self.output.close()
        for used in (descriptor, lifeline):
            os.close(used)
        order = {"nonce": NONCE, "result": descriptor, "lifeline": lifeline, "rcfile": str(rcfile)}
        assert self.process.stdin is not None
        # Left open: the child closes its own end, so that no test can wait for input.
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def ended_by(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(SECONDS)
        assert self.process.stdin is not None
        self.process.stdin.close()
        return code

    def ended(self) -> Ended:
        """Wait for the end."""
        code = self.ended_by()
        os.close(self.held)
        output = (self.folder / "output.txt").read_text("utf-8", "replace")
        return Ended(code=code, output=output, data=self.result.read_bytes(), folder=self.folder)


def test_a_run_is_sealed_and_measured(tmp_path: Path) -> None:
    ended = Supervisor(tmp_path, GREEN).ended()
    assert ended.code == 0, ended.output
    run = ended.run
    assert run.exit_status == 0
    assert not run.interrupted
    assert run.inipath == ""
    assert run.arguments[-1] == "--failhard-level=1"
    assert sorted(run.collected) == ["tests/test_more.py::test_more", "tests/test_sums.py::test_add"]
    assert {record.outcome for record in run.records} == {"passed"}
    assert list((tmp_path / "coverage").iterdir())
    # The plugin is there for its options alone: no gate ran, no verdict was given.
    assert "failhard:" not in ended.output
    assert not (tmp_path / "project" / ".failhard").exists()


def test_xdist_workers_report_through_the_controller(tmp_path: Path) -> None:
    ended = Supervisor(tmp_path, GREEN, "-p", "xdist", "-n", "2").ended()
    assert ended.code == 0, ended.output
    calls = [record.nodeid for record in ended.run.records if record.when == "call"]
    assert sorted(calls) == ["tests/test_more.py::test_more", "tests/test_sums.py::test_add"]
    # The controller and its two workers each wrote what they saw.
    assert len(list((tmp_path / "coverage").iterdir())) >= 2


def test_what_the_child_was_told_stays_out_of_sight(tmp_path: Path) -> None:
    ended = Supervisor(tmp_path, {**GREEN, "tests/test_curious.py": CURIOUS}).ended()
    assert ended.code == 0, ended.output
    assert NONCE.encode() in ended.data


@pytest.mark.parametrize(
    ("body", "code", "interrupted"),
    [
        ("assert not 1", 1, False),
        ("raise KeyboardInterrupt", 2, True),
        ("import pytest\n    pytest.exit('enough', returncode=0)", 0, True),
    ],
)
def test_the_seal_has_the_status_that_pytest_came_to(
    tmp_path: Path, body: str, code: int, interrupted: bool
) -> None:
    ended = Supervisor(tmp_path, {**GREEN, "tests/test_a.py": f"def test_a() -> None:\n    {body}\n"}).ended()
    assert ended.code == code, ended.output
    assert ended.run.exit_status == code
    assert ended.run.interrupted is interrupted


def test_a_status_that_was_overwritten_is_not_the_sealed_one(tmp_path: Path) -> None:
    conftest = "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = 0\n"
    files = {"tests/conftest.py": conftest, "tests/test_a.py": "def test_a():\n    assert not 1\n"}
    ended = Supervisor(tmp_path, {**GREEN, **files}).ended()
    assert ended.code == 0, ended.output
    assert ended.run.exit_status == 1


def test_nothing_is_sealed_where_pytest_refuses(tmp_path: Path) -> None:
    ended = Supervisor(tmp_path, GREEN, "--no-such-option").ended()
    assert ended.code == 4
    assert ended.data == b""


def waiting(tmp_path: Path) -> tuple[Supervisor, list[psutil.Process]]:
    """Start a child whose test waits for ever, and return it when it does."""
    told = tmp_path / "told"
    os.mkfifo(told)
    listening = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
    supervisor = Supervisor(tmp_path, {**GREEN, "tests/test_waits.py": WAITING.format(told=str(told))})
    assert select.select([listening], [], [], SECONDS)[0], "the test did not start"
    processes = [psutil.Process(int(number)) for number in os.read(listening, 100).split()]
    os.close(listening)
    return supervisor, processes


def test_the_group_dies_with_its_supervisor(tmp_path: Path) -> None:
    supervisor, processes = waiting(tmp_path)
    os.close(supervisor.held)
    assert supervisor.ended_by() == -signal.SIGKILL
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert all(left.status() == psutil.STATUS_ZOMBIE for left in alive)
    with pytest.raises(records.RecordsError):
        records.read(supervisor.result.read_bytes(), NONCE)


def test_a_child_that_hangs_tells_its_stacks(tmp_path: Path) -> None:
    supervisor, _ = waiting(tmp_path)
    os.kill(supervisor.process.pid, signal.SIGUSR1)
    # The test wakes no more: what ends this loop is the text, and what fails it is the end of the test run.
    while "in test_waits" not in (tmp_path / "output.txt").read_text("utf-8", "replace"):
        assert supervisor.process.poll() is None
        os.sched_yield()
    os.close(supervisor.held)
    assert supervisor.ended_by() == -signal.SIGKILL


def test_the_module_serves_nobody_else(tmp_path: Path) -> None:
    ended = Supervisor(tmp_path, GREEN, PYTEST_XDIST_WORKER="gw0").ended()
    assert ended.code == 4
    assert "serves `failhard check` only" in ended.output
    assert ended.data == b""
