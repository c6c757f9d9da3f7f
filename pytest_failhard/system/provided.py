"""Provides what a system is declared to need: reached or started, with a link before it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.model import GateError, Process
from pytest_failhard.system import workcopy
from pytest_failhard.system.addresses import Address, AddressError, read
from pytest_failhard.system.declaration import Dependency, Provide, System
from pytest_failhard.system.launch import Site, free_port
from pytest_failhard.system.links import HOST, Link, TcpLink
from pytest_failhard.system.reach import accepts

START_SECONDS = 30.0
REACH_SECONDS = 5.0
POLL_SECONDS = 0.02
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
LAST_CHARACTERS = 500
PLAIN_URL = "tcp://${host}:${port}"
"""What the system is told where the declaration has no URL for what we start."""


@dataclass(frozen=True, kw_only=True)
class Provided:
    """The links to all that is reached over TCP, by the name of the dependency.

    A dependency that is a path has none here: each start of the system gets a fresh path.
    """

    links: Mapping[str, Link] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Where the system finds each of them, by its variable."""


@contextlib.contextmanager
def provided(
    run: Site, system: System, *, interpreter: Path, within: float = START_SECONDS
) -> Iterator[Provided]:
    """Provide the declared dependencies while the context is open.

    A process that the declaration names is started in a copy of the project of its own; it has `within`
    seconds to open its port. Raises GateError for what cannot be provided; it is external where the run's
    own environment names something that is not there.
    """
    with contextlib.ExitStack() as opened:
        links: dict[str, Link] = {}
        variables: dict[str, str] = {}
        for dependency in system.dependencies or ():
            if dependency.broken_by == "path":
                continue
            if dependency.provide is not None and dependency.provide.start:
                folder = run.scratch / f"dependency-{len(links)}"
                where, process = _started(
                    run, dependency.name, dependency.provide, folder, interpreter, within
                )
                opened.callback(process.kill)
            else:
                where = _reached(dependency)
            link = TcpLink(where, dependency.broken_by)
            opened.callback(link.close)
            links[dependency.name] = link
            variables[dependency.url_env] = link.url
        yield Provided(links=links, variables=variables)


def _reached(dependency: Dependency) -> Address:
    name = dependency.provide.env if dependency.provide is not None else None
    if name is None or name not in os.environ:
        given = f"the variable {name} is not set where the gates run" if name else "nothing provides it"
        raise GateError(f"cannot-run: dependency {dependency.name}: {given}", external=name is not None)
    try:
        address = read(os.environ[name])
    except AddressError as error:
        raise GateError(f"cannot-run: dependency {dependency.name}: {name}: {error}", external=True) from None
    try:
        socket.create_connection((address.host, address.port), REACH_SECONDS).close()
    except OSError as error:
        raise GateError(
            f"cannot-run: dependency {dependency.name}: what {name} names cannot be reached: {error}",
            external=True,
        ) from None
    return address


def _started(
    run: Site, name: str, provide: Provide, folder: Path, interpreter: Path, within: float
) -> tuple[Address, Process]:
    port = free_port()
    tree = workcopy.copy(run.root, folder / "tree").folder
    environment = {
        "PATH": f"{interpreter.parent}:{SEARCH_PATH}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        **({provide.port_env: str(port)} if provide.port_env else {}),
    }
    argv = [_placed(part, port) for part in provide.start]
    process = run.start(argv, environment=environment, cwd=tree, kept=True)
    try:
        _await_port(name, process, port, within)
        address = read(_placed(provide.url or PLAIN_URL, port))
    except AddressError as error:
        process.kill()
        raise GateError(f"cannot-run: dependency {name}: provide.url: {error}") from None
    except GateError:
        process.kill()
        raise
    return address, process


def _placed(text: str, port: int) -> str:
    return text.replace("${host}", HOST).replace("${port}", str(port))


def _await_port(name: str, process: Process, port: int, within: float) -> None:
    for _ in range(max(1, round(within / POLL_SECONDS))):
        if accepts(port, REACH_SECONDS):
            return
        if process.wait(POLL_SECONDS) is not None:
            break
    words = (process.stdout + process.stderr).strip()[-LAST_CHARACTERS:]
    how = "has not opened its port" if process.poll() is None else "has ended"
    raise GateError(
        f"cannot-run: dependency {name}: what provide.start starts {how}; its last words: {words}"
    )
