"""The declared system as a test meets it: started, asked where it is, started anew, killed, under load."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from pytest_failhard import processes
from pytest_failhard.model import NO_VARIABLES, GateError
from pytest_failhard.processes import Started
from pytest_failhard.system import declared, load, workcopy
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.environment import HOST, prepare
from pytest_failhard.system.launch import Instance, launch
from pytest_failhard.system.load import Beside, Protocol
from pytest_failhard.system.load_client import Target
from pytest_failhard.system.provided import provided

READY_SECONDS = 60.0
CONCURRENCY = 10
LOAD_SECONDS = 10.0
_EXAMPLE = (
    'kind = "http", start = ["gunicorn", "wsgi:app"], port_env = "PORT", ready = "/health", secrets = []'
)


class _Bench:
    """Starts processes whose output goes to the folder `scratch`."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self.root = root
        self.scratch = scratch
        self._numbers = itertools.count(1)

    def start(
        self, argv: Sequence[str], *, environment: Mapping[str, str], cwd: Path, kept: bool = False
    ) -> Started:
        """Start a process."""
        return processes.start(
            argv,
            environment=environment,
            cwd=cwd,
            output=self.scratch / f"process-{next(self._numbers)}",
            remaining=lambda: math.inf,
            kept=kept,
        )


class SystemUnderTest:
    """The system that `[tool.failhard.system]` declares: a copy of the tree, run as the gates run it.

    `links` stand before the dependencies that are reached over TCP, by name, to break and to mend them.
    Raises GateError where nothing is declared that can be started, and where it does not become ready.
    """

    def __init__(
        self, root: Path, folder: Path, *, interpreter: Path, ready_seconds: float = READY_SECONDS
    ) -> None:
        self.system = _startable(root)
        self._bench = _Bench(root, folder)
        self._ready_seconds = ready_seconds
        self._tree = workcopy.copy(root, folder / "tree").folder
        self._variables: Mapping[str, str] = {}
        self._instance: Instance | None = None
        with contextlib.ExitStack() as opened:
            needed = opened.enter_context(provided(self._bench, self.system, interpreter=interpreter))
            self.links = needed.links
            self._prepared = prepare(
                self.system,
                interpreter=interpreter,
                folder=folder / "places",
                keys=NO_VARIABLES,
                provided=needed.variables,
            )
            self.restart()
            self._opened = opened.pop_all()

    @property
    def base_url(self) -> str:
        """Where it listens, without a slash at the end; raises GateError where it has no port."""
        port = self._running.port
        if not port:
            raise GateError(f"a system of kind {self.system.kind} has no URL: it listens on no declared port")
        return f"http://{HOST}:{port}"

    @property
    def env(self) -> Mapping[str, str]:
        """The variables that it runs with, its secrets among them; nothing of the test's environment."""
        return MappingProxyType({**self._variables, **self._port()})

    def logs(self) -> str:
        """Return what it has logged since its last start: its output, as far as `logs` declares it."""
        process = self._running.process
        return self._running.log(process.stdout, process.stderr)

    def restart(self, **env: str | None) -> None:
        """End it and start it anew; its files stay. `env` is set for this start, None takes away.

        Raises LaunchError where it does not become ready.
        """
        self.kill()
        given = self._prepared.variables
        kept = {name: value for name, value in given.items() if name not in env}
        self._variables = kept | {name: value for name, value in env.items() if value is not None}
        self._instance = launch(
            self._bench,
            self.system,
            cwd=self._tree,
            environment=self._variables,
            secrets=self._prepared.secrets,
            within=self._ready_seconds,
        )

    def kill(self) -> None:
        """End it at once, with all that it started; `restart` brings it back."""
        if self._instance is not None:
            self._instance.process.kill()

    def close(self) -> None:
        """End it, and all that was started for it."""
        self.kill()
        self._opened.close()

    @contextlib.contextmanager
    def under(
        self, *, rps: float | None = None, concurrency: int = CONCURRENCY, seconds: float = LOAD_SECONDS
    ) -> Iterator[Beside]:
        """Keep its declared routes under load beside the block, at most for so many seconds.

        Without `rps` each client sends as soon as it has its answer. What was counted is in `.load` of what
        is yielded, once the block is over.
        """
        routes = [route for route in self.system.routes or () if not route.negative]
        asked = routes or [Route(id="ready", path=self.system.ready or "/")]
        protocol = Protocol(concurrency=concurrency, rounds=1, warm_up=0)
        with load.under(Target.of(self._running), asked, protocol, seconds=seconds, rps=rps) as beside:
            yield beside

    @property
    def _running(self) -> Instance:
        if self._instance is None:
            raise GateError("the system did not become ready when it was last started; call restart()")
        return self._instance

    def _port(self) -> dict[str, str]:
        name = self.system.port_env
        return {name: str(self._running.port)} if name is not None else {}


def _startable(root: Path) -> System:
    system = declared.read(root)
    if system is None:
        raise GateError(
            "no system is declared: write [tool.failhard.system] into pyproject.toml, as `failhard init` "
            f"does: {_EXAMPLE}"
        )
    if system.kind == "library":
        raise GateError(
            "a system of kind library starts nothing: test it by importing it, or correct kind in "
            "[tool.failhard.system]"
        )
    return system
