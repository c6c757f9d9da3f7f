"""Tests of starts that are expected to be refused: over real processes and ports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_failhard.gates.lint import LintGate
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from pytest_failhard.system.attempt import Attempt, attempts
from pytest_failhard.system.declaration import System
from tests.support import gate_run

SERVER = """
import os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ.get("STATUS", "200")))
        self.end_headers()
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
if "LATE" in os.environ:
    time.sleep(0.3)
    sys.exit("too late")
server.serve_forever()
"""
START = (sys.executable, "-I", "-S", "-c")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[GateRun]:
    made = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch")
    yield made
    made.close()


def tried(run: GateRun, system: System, *environments: dict[str, str], within: float = 10) -> list[Attempt]:
    """Return what came of the starts, in the order of their environments."""
    begins = [environment.copy for environment in environments]
    found = dict(attempts(run, system, cwd=run.root, begins=begins, within=within, steady=0.2))
    return [found[number] for number in range(len(environments))]


def http(code: str) -> System:
    return System(kind="http", start=(*START, code), port_env="PORT", ready="/health", secrets=())


def test_a_server_that_serves_is_ended_at_once(run: GateRun) -> None:
    (seen,) = tried(run, http(SERVER), {})
    assert (seen.ready, seen.accepted, seen.code, seen.refused) == (True, True, None, False)


def test_a_server_that_refuses_says_so_by_its_status(run: GateRun) -> None:
    refuses = "import sys; print('said'); sys.exit('PORT is wrong')"
    first, second, third = tried(run, http(refuses), {}, {}, {})
    for seen in (first, second, third):
        assert (seen.ready, seen.accepted, seen.code, seen.refused) == (False, False, 1, True)
        assert (seen.stdout, seen.stderr) == ("said\n", "PORT is wrong\n")
        assert seen.log == seen.output


def test_a_port_that_was_open_is_seen(run: GateRun) -> None:
    (seen,) = tried(run, http(SERVER), {"LATE": "1"})
    assert (seen.accepted, seen.refused) == (True, True)


def test_what_never_answers_and_never_ends_is_ended(run: GateRun) -> None:
    (seen,) = tried(run, http(SERVER), {"STATUS": "503"}, within=0.2)
    assert (seen.ready, seen.code, seen.refused) == (False, None, False)


def test_a_worker_runs_when_it_said_so_and_lives(run: GateRun) -> None:
    code = "import os, time; print('ready', flush=True); time.sleep(float(os.environ['LIFE'])); os._exit(3)"
    worker = System(kind="worker", start=(*START, code), ready_log="^ready$", secrets=())
    lives, dies = tried(run, worker, {"LIFE": "600"}, {"LIFE": "0.1"})
    assert (lives.ready, lives.refused) == (True, False)
    assert (dies.ready, dies.refused, dies.code) == (False, True, 3)
    silent = System(kind="worker", start=(*START, "import time; time.sleep(600)"), ready_log="x", secrets=())
    (seen,) = tried(run, silent, {}, within=0.1)
    assert (seen.ready, seen.refused) == (False, False)


def test_a_job_runs_when_it_ends_with_0(run: GateRun) -> None:
    code = "import os; os._exit(int(os.environ['CODE']))"
    job = System(kind="job", start=(*START, code), secrets=(), outputs=())
    ends, fails = tried(run, job, {"CODE": "0"}, {"CODE": "2"})
    assert (ends.ready, ends.refused) == (True, False)
    assert (fails.ready, fails.refused) == (False, True)


def test_what_cannot_be_started_is_an_error_and_ends_the_others(run: GateRun) -> None:
    def fail() -> dict[str, str]:
        raise GateError("no environment")

    slow = http("import time; time.sleep(600)")
    with pytest.raises(GateError, match="no environment"):
        list(attempts(run, slow, cwd=run.root, begins=[dict, fail]))
