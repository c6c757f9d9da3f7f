"""Tests of what is watched beside a load."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import psutil
import pytest

from pytest_failhard.gates.lint import LintGate
from pytest_failhard.run import GateRun
from pytest_failhard.system.declaration import System
from pytest_failhard.system.launch import Instance, launch
from pytest_failhard.system.load_client import Target
from pytest_failhard.system.load_watch import Watched, resident, watching
from tests.support import gate_run

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/sick": self.send_error(503)
        elif self.path == "/silent": pass
        else: self.send_response(200); self.end_headers()
    def log_request(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.daemon_threads = True
os.fork()
server.serve_forever()
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    run: GateRun = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch")
    start = (sys.executable, "-I", "-S", "-c", SERVER)
    system = System(kind="http", start=start, port_env="PORT", ready="/", secrets=())
    yield launch(run, system, cwd=tmp_path, environment={}, secrets={}, within=30)
    run.close()


def watched(instance: Instance, path: str, polls: int) -> Watched:
    with watching(
        Target.of(instance), instance.process.family, path, poll_seconds=0.001, sample_seconds=0.001
    ) as found:
        while found.polls < polls or len(found.memory) < 6:
            instance.process.wait(0.002)
    return found


@pytest.mark.parametrize(("path", "share"), [("/", 1), ("/sick", 0), ("/silent", 0)])
def test_health_is_polled(instance: Instance, path: str, share: int) -> None:
    found = watched(instance, path, polls=3)
    assert (found.health, found.restarts) == (Fraction(share), 0)
    assert found.growth_percent is not None
    assert min(found.memory) > 0


def test_a_process_that_is_gone_is_a_restart(instance: Instance) -> None:
    ids = instance.process.family()
    with watching(Target.of(instance), instance.process.family, "/") as found:
        child = psutil.Process(ids[1])
        child.kill()
        # Its parent does not look after it: it stays as one that has ended.
        while child.status() != psutil.STATUS_ZOMBIE:
            instance.process.wait(0.002)
    assert (len(ids), found.restarts) == (2, 1)


def test_of_a_system_that_is_gone_there_is_nothing(instance: Instance) -> None:
    ids = instance.process.family()
    instance.process.kill()
    assert list(resident(ids)) == []


@pytest.mark.parametrize(
    ("memory", "growth"),
    [
        ([100] * 5, None),
        ([100, 100, 110, 110, 120, 120], Fraction(20)),
        ([300, 300, 9, 9, 100, 200], Fraction(-50)),
        ([0] * 6, None),
    ],
)
def test_growth_is_from_the_first_third_to_the_last(memory: list[int], growth: Fraction | None) -> None:
    found = Watched()
    found.memory = memory
    assert (found.growth_percent, found.health) == (growth, None)
