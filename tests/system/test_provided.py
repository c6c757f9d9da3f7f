"""Tests of what a system is given that it needs: reached where the run names it, or started."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from pytest_failhard.gates.lint import LintGate
from pytest_failhard.model import GateError
from pytest_failhard.system.declaration import Dependency, Provide, System
from pytest_failhard.system.links import TcpLink
from pytest_failhard.system.provided import provided
from tests.support import gate_run, write
from tests.system import tcp

STORE = """
import os, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())
port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["STORE_PORT"])
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler).serve_forever()
"""
PYTHON = (sys.executable, "-I", "-S")


def system(provide: Provide | None, *, url_env: str = "STORE_URL") -> System:
    return System(kind="job", dependencies=(Dependency(name="store", url_env=url_env, provide=provide),))


def ask(tmp_path: Path, provide: Provide | None, *, within: float = 10.0) -> tuple[str, bytes]:
    """Return what the system is told, and what it gets there."""
    root = write(tmp_path / "project", {"store.py": STORE})
    run = gate_run(root, LintGate())
    with provided(run, system(provide), interpreter=Path(sys.executable), within=within) as found:
        link = found.links["store"]
        assert isinstance(link, TcpLink)
        answer = tcp.asked(link.port)
        told = found.variables["STORE_URL"].replace(str(link.port), "PORT")
    run.close()
    with pytest.raises(ConnectionRefusedError):
        tcp.asked(link.port)
    return told, answer


@pytest.mark.parametrize(
    ("provide", "told"),
    [
        (Provide(start=(*PYTHON, "store.py"), port_env="STORE_PORT"), "tcp://127.0.0.1:PORT"),
        (
            Provide(start=(*PYTHON, "store.py", "${port}"), url="redis://u@${host}:${port}/3"),
            "redis://u@127.0.0.1:PORT/3",
        ),
    ],
    ids=["by variable", "by argument"],
)
def test_a_dependency_is_started_and_ended(tmp_path: Path, provide: Provide, told: str) -> None:
    assert ask(tmp_path, provide) == (told, b"HELLO\n")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit('no licence')", "has ended; its last words: no licence"),
        ("import time; time.sleep(600)", "has not opened its port"),
    ],
    ids=["ends", "says nothing"],
)
def test_a_dependency_that_does_not_start_is_an_error(tmp_path: Path, code: str, reason: str) -> None:
    with pytest.raises(GateError, match=f"cannot-run: dependency store: .*{reason}") as caught:
        ask(tmp_path, Provide(start=(*PYTHON, "-c", code), port_env="STORE_PORT"), within=0.1)
    assert not caught.value.external


def test_a_url_without_a_place_is_an_error(tmp_path: Path) -> None:
    provide = Provide(start=(*PYTHON, "store.py"), port_env="STORE_PORT", url="rediss://${host}:${port}")
    with pytest.raises(GateError, match=r"dependency store: provide\.url: rediss checks the certificate"):
        ask(tmp_path, provide)


def test_a_dependency_of_the_run_s_own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provide = Provide(env="TEST_STORE_URL")
    with pytest.raises(GateError, match="store: the variable TEST_STORE_URL is not set") as caught:
        ask(tmp_path / "1", provide)
    assert caught.value.external
    monkeypatch.setenv("TEST_STORE_URL", "store.db")
    with pytest.raises(GateError, match="store: TEST_STORE_URL: it names no one host and port") as caught:
        ask(tmp_path / "2", provide)
    assert caught.value.external
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TEST_STORE_URL", f"redis://u:pw@127.0.0.1:{silent.getsockname()[1]}/0")
        with pytest.raises(GateError, match="what TEST_STORE_URL names cannot be reached") as caught:
            ask(tmp_path / "3", provide)
    assert caught.value.external
    with tcp.echo() as port:
        monkeypatch.setenv("TEST_STORE_URL", f"redis://u:pw@127.0.0.1:{port}/0")
        assert ask(tmp_path / "4", provide) == ("redis://u:pw@127.0.0.1:PORT/0", b"HELLO\n")


def test_what_nothing_provides_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="cannot-run: dependency store: nothing provides it") as caught:
        ask(tmp_path, None)
    assert not caught.value.external


def test_a_path_has_no_link(tmp_path: Path) -> None:
    run = gate_run(write(tmp_path / "project", {"a": ""}), LintGate())
    only = System(kind="job", dependencies=(Dependency(name="s", url_env="S", broken_by="path"),))
    with provided(run, only, interpreter=Path(sys.executable)) as found:
        assert (found.links, found.variables) == ({}, {})
