"""Starts the declared system on a free port, waits until it is ready, asks it, and ends it."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import re
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from pytest_failhard.model import GateError, Process, Run
from pytest_failhard.system import ask
from pytest_failhard.system.ask import Answer, Request
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.environment import HOST

POLL_SECONDS = 0.05
REQUEST_SECONDS = 1.0
OK = 200
LAST_CHARACTERS = 1500
_PORT_TAKEN = re.compile(r"EADDRINUSE|Address already in use|Connection in use")


class LaunchError(GateError):
    """The system did not become ready, or is none of ours. `port_taken` is true where that was the reason."""

    def __init__(self, message: str, *, port_taken: bool = False) -> None:
        super().__init__(message)
        self.port_taken = port_taken


class Instance:
    """A system that runs and is ready. `secrets` are the values that its environment holds."""

    def __init__(self, system: System, process: Process, port: int, secrets: Mapping[str, str]) -> None:
        self.system = system
        self.process = process
        self.port = port
        self.secrets = secrets
        self.numbers: Iterator[int] = itertools.count(1)
        self._captured: dict[str, str] = {}

    def log(self, stdout: str, stderr: str) -> str:
        """Return what of its output the declaration calls its log."""
        where = self.system.logs
        return ("" if where == "stderr" else stdout) + ("" if where == "stdout" else stderr)

    def send(self, route: Route, *, within: float, unknown: str | None = None) -> Answer:
        """Send a route's request; after `within` seconds it is given up. `unknown` as in `request`."""
        answer = self.exchange(self.request(route, unknown=unknown), within=within)
        self._captured.update(ask.captured(route, answer))
        return answer

    def request(self, route: Route, *, unknown: str | None = None) -> Request:
        """Return what is sent for a route; `unknown` stands for what no answer has given.

        Raises GateError where there is such a thing and no `unknown`.
        """
        known = ask.values(self.secrets, next(self.numbers), self._captured)
        if unknown is not None:
            known = {**dict.fromkeys(ask.wanted(route), unknown), **known}
        return ask.request(route, known)

    def exchange(self, request: Request, *, within: float) -> Answer:
        """Send a request as it is; after `within` seconds it is given up."""
        return ask.exchange(HOST, self.port, request, within=within)

    def stop(self) -> int | None:
        """Ask the system to end, as an operator does, for at most its declared time; then end what is left.

        Returns its exit code, None where it had to be killed.
        """
        self.process.stop()
        code = self.process.wait(self.system.grace_s)
        self.process.kill()
        return code


def launch(
    run: Run,
    system: System,
    *,
    cwd: Path,
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
    within: float,
) -> Instance:
    """Start a system of kind http and wait until it is ready, at most `within` seconds.

    `environment` is complete but for the port. A port that somebody took meanwhile is exchanged once.
    Raises LaunchError.
    """
    try:
        return _launched(run, system, cwd, environment, secrets, within)
    except LaunchError as error:
        if not error.port_taken:
            raise
    return _launched(run, system, cwd, environment, secrets, within)


def _launched(
    run: Run,
    system: System,
    cwd: Path,
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
    within: float,
) -> Instance:
    if system.missing or system.port_env is None or system.ready is None:
        raise LaunchError(f"[tool.failhard.system] lacks {', '.join(system.missing)}; nothing starts without")
    port = free_port()
    process = run.start(system.start, environment={**environment, system.port_env: str(port)}, cwd=cwd)
    instance = Instance(system, process, port, secrets)
    try:
        _await_ready(instance, system.ready, within)
    except GateError:
        process.kill()
        raise
    return instance


def free_port() -> int:
    """Return a port on the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_ready(instance: Instance, path: str, within: float) -> None:
    began = time.monotonic()
    while not _answers(instance.port, path):
        code = instance.process.poll()
        seconds = time.monotonic() - began
        if code is not None:
            raise LaunchError(
                f"the system ended with exit code {code} after {seconds:.1f} seconds, before it was ready; "
                f"{_last_words(instance)}",
                port_taken=_PORT_TAKEN.search(instance.process.stdout + instance.process.stderr) is not None,
            )
        if seconds > within:
            raise LaunchError(
                f"the system is not ready after {within:.0f} seconds: GET {path} on the port in "
                f"{instance.system.port_env} is not answered with {OK}; it listens on "
                f"{sorted(_ports(instance)) or 'no port'}; {_last_words(instance)}"
            )
        instance.process.wait(POLL_SECONDS)
    if instance.port not in _ports(instance):
        raise LaunchError(
            f"another process than the system answers on port {instance.port}: R2-foreign-listener; end it"
        )


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=REQUEST_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _ports(instance: Instance) -> set[int]:
    """Return the ports on which the system and what it started listen."""
    found: set[int] = set()
    # One of them may end while we look; the next look, or the exit code, says more.
    with contextlib.suppress(psutil.NoSuchProcess):
        main = psutil.Process(instance.process.pid)
        for process in (main, *main.children(recursive=True)):
            listening = process.net_connections(kind="tcp")
            found |= {each.laddr.port for each in listening if each.status == psutil.CONN_LISTEN}
    return found


def _last_words(instance: Instance) -> str:
    words = (instance.process.stdout + instance.process.stderr).strip()[-LAST_CHARACTERS:]
    return f"its last words: {words}" if words else "it wrote nothing"
