"""Starts the declared system on a free port, waits until it is ready, asks it, and ends it."""

from __future__ import annotations

import enum
import http.client
import itertools
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import psutil

from pytest_failhard.model import GateError, Process
from pytest_failhard.system import ask
from pytest_failhard.system.ask import Answer, Request
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.environment import HOST

POLL_SECONDS = 0.05
REQUEST_SECONDS = 1.0
STEADY_SECONDS = 1.0
"""So long a system without a port must live after it said that it is ready."""
OK = 200
LAST_CHARACTERS = 1500
_PORT_TAKEN = re.compile(r"EADDRINUSE|Address already in use|Connection in use")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
SHORTEST_SECRET = 4
"""What is shorter stands in any text."""


class Starts(Protocol):
    """Starts processes: a gate's run, or the fixture of a test."""

    def start(
        self, argv: Sequence[str], *, environment: Mapping[str, str], cwd: Path, kept: bool = False
    ) -> Process:
        """Start a process whose output goes to files; raises GateError where it cannot be started."""


class Site(Starts, Protocol):
    """What starts processes for a project, and has a folder for that."""

    @property
    def root(self) -> Path:
        """The project's root folder."""

    @property
    def scratch(self) -> Path:
        """A fresh folder, outside the project."""


class Reason(enum.Enum):
    """Why a system did not become ready."""

    UNDECLARED = "undeclared"
    """The declaration does not say how it is started."""
    EXITED = "exited"
    NOT_READY = "not ready"
    FOREIGN = "foreign"
    """Another process than the system answers on its port."""


class LaunchError(GateError):
    """The system did not become ready, or is none of ours.

    `code` is its exit code where it ended, `ports` are those on which it listens: with `ignores_port`, on
    others than the one it was given. `words` is the end of its output without this run's secrets.
    `port_taken` is true where a port that is in use was the reason.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Reason,
        code: int | None = None,
        ports: Iterable[int] = (),
        ignores_port: bool = False,
        words: str = "",
        port_taken: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.ports = frozenset(ports)
        self.ignores_port = ignores_port
        self.words = words
        self.port_taken = port_taken


class Instance:
    """A system that was started. `secrets` are the values that its environment holds; 0 is no port.

    `ready_seconds` is how long it took to be ready, a job to end; `retries` how often it was started again
    because somebody had taken its port meanwhile.
    """

    ready_seconds = 0.0
    retries = 0

    def __init__(self, system: System, process: Process, port: int, secrets: Mapping[str, str]) -> None:
        self.system = system
        self.process = process
        self.port = port
        self.secrets = secrets
        self.numbers: Iterator[int] = itertools.count(1)
        self._captured: dict[str, str] = {}

    @property
    def captured(self) -> Mapping[str, str]:
        """What answers gave so far to later requests."""
        return dict(self._captured)

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
    run: Starts,
    system: System,
    *,
    cwd: Path,
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
    within: float,
    steady: float = STEADY_SECONDS,
) -> Instance:
    """Start a system and wait, at most `within` seconds, until it is ready; a job until it has ended with 0.

    `environment` is complete but for the port. A port that somebody took meanwhile is exchanged once. A
    system without a port is ready when it has logged so and lives `steady` seconds later. Raises LaunchError,
    and GateError where it writes more than is read.
    """

    def launched() -> Instance:
        instance = begin(run, system, cwd=cwd, environment=environment, secrets=secrets)
        try:
            _AWAIT[system.kind](instance, within, steady)
        except GateError:
            instance.process.kill()
            raise
        return instance

    try:
        return launched()
    except LaunchError as error:
        if not error.port_taken:
            raise
    again = launched()
    again.retries = 1
    return again


def begin(
    run: Starts, system: System, *, cwd: Path, environment: Mapping[str, str], secrets: Mapping[str, str]
) -> Instance:
    """Start a system and wait for nothing; raises LaunchError where the declaration does not say how."""
    if system.missing:
        raise LaunchError(
            f"[tool.failhard.system] lacks {', '.join(system.missing)}; nothing starts without",
            reason=Reason.UNDECLARED,
        )
    if system.kind not in _AWAIT:
        raise LaunchError(f"a system of kind {system.kind} starts nothing", reason=Reason.UNDECLARED)
    port = 0
    if system.port_env is not None:
        port = free_port()
        environment = {**environment, system.port_env: str(port)}
    process = run.start(system.start, environment=environment, cwd=cwd, kept=True)
    return Instance(system, process, port, secrets)


def free_port() -> int:
    """Return a port on the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def redacted(text: str, secrets: Mapping[str, str]) -> str:
    """Return a text with each secret replaced by its name."""
    for name, value in sorted(secrets.items(), key=lambda pair: -len(pair[1])):
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, f"<{name}>")
    return text


def ports(pids: Iterable[int]) -> frozenset[int]:
    """Return the TCP ports on which processes listen; of one that is gone, or not ours to look at, none."""
    return frozenset(port for pid in pids for port in _listened(pid))


def _listened(pid: int) -> set[int]:
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return set()
    return {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}


def _await_answer(instance: Instance, within: float, _steady: float) -> None:
    path = instance.system.ready or "/"
    what = f"GET {path} on the port in {instance.system.port_env} is not answered with {OK}"
    _await(instance, lambda: answers(instance.port, path), within, what)
    if instance.port in ports(instance.process.family()):
        return
    # One that answers and ends at once has shut its port before it is gone.
    if instance.process.wait(REQUEST_SECONDS) is not None:
        raise _exited(instance)
    raise LaunchError(
        f"another process than the system answers on port {instance.port}: R2-foreign-listener; end it",
        reason=Reason.FOREIGN,
        words=_words(instance),
    )


def _await_line(instance: Instance, within: float, steady: float) -> None:
    wanted = re.compile(instance.system.ready_log or "", re.MULTILINE)

    def logged() -> bool:
        text = instance.log(instance.process.stdout, instance.process.stderr)
        return wanted.search(_ANSI.sub("", text)) is not None

    _await(instance, logged, within, f"no line of its log matches {wanted.pattern}")
    if instance.process.wait(steady) is not None:
        raise _exited(instance)


def _await_end(instance: Instance, within: float, _steady: float) -> None:
    began = time.monotonic()
    code = instance.process.wait(within)
    instance.ready_seconds = time.monotonic() - began
    if code is None:
        raise _not_ready(instance, within, "the job has not ended")
    if code:
        raise _exited(instance)


_AWAIT: Mapping[str, Callable[[Instance, float, float], None]] = {
    "http": _await_answer,
    "worker": _await_line,
    "job": _await_end,
}


def _await(instance: Instance, ready: Callable[[], bool], within: float, what: str) -> None:
    began = time.monotonic()
    while not ready():
        if instance.process.poll() is not None:
            raise _exited(instance)
        if time.monotonic() - began > within:
            raise _not_ready(instance, within, what)
        instance.process.wait(POLL_SECONDS)
    instance.ready_seconds = time.monotonic() - began


def _exited(instance: Instance) -> LaunchError:
    code = instance.process.poll()
    words = _words(instance)
    return LaunchError(
        f"the system ended with exit code {code}, before it was ready; {_spoken(words)}",
        reason=Reason.EXITED,
        code=code,
        words=words,
        port_taken=_PORT_TAKEN.search(instance.process.stdout + instance.process.stderr) is not None,
    )


def _not_ready(instance: Instance, within: float, what: str) -> LaunchError:
    listened = ports(instance.process.family())
    words = _words(instance)
    return LaunchError(
        f"the system is not ready after {within:.0f} seconds: {what}; it listens on "
        f"{sorted(listened) or 'no port'}; {_spoken(words)}",
        reason=Reason.NOT_READY,
        ports=listened,
        ignores_port=instance.port > 0 and bool(listened) and instance.port not in listened,
        words=words,
    )


def answers(port: int, path: str) -> bool:
    """Tell whether what listens on a port of ours answers GET with 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=REQUEST_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _words(instance: Instance) -> str:
    # Redacted first: what is cut off could leave a part of a secret.
    text = redacted(instance.process.stdout + instance.process.stderr, instance.secrets)
    return _ANSI.sub("", text).strip()[-LAST_CHARACTERS:]


def _spoken(words: str) -> str:
    return f"its last words: {words}" if words else "it wrote nothing"
