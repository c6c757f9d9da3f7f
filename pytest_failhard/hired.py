"""Starts a process of a run before it is known what to ask of it: both take as long."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pytest_failhard import leftovers, proc
from pytest_failhard.model import RUN_VARIABLES
from pytest_failhard.private import CHECKPOINTS
from pytest_failhard.system import index

# What is imported stays: to look for cycles in it meanwhile takes a fifth of the time.
WORKER = "import gc; gc.disable(); from pytest_failhard.worker import main; gc.enable(); main()"
TESTS = "import gc; gc.disable(); from pytest_failhard.standby import main; gc.enable(); main()"
EVENTS = "events.jsonl"
RESULT = "result.jsonl"
AHEAD = "ahead"
"""Has a worker look at what is installed while it waits for its orders."""


class Waiting:
    """A process that waits for its orders, a line each; `close` ends it and what it started."""

    def __init__(self, start: Callable[[int], proc.Child]) -> None:
        reading, writing = os.pipe()
        self._orders: int | None = writing
        try:
            self.child = start(reading)
        except BaseException:
            self._end_orders()
            raise
        finally:
            os.close(reading)

    def order(self, order: Mapping[str, object]) -> None:
        """Send one line. One that is dead already is found, with its last words, by who waits for it."""
        if self._orders is None:
            return
        rest = memoryview(json.dumps(order).encode() + b"\n")
        with contextlib.suppress(BrokenPipeError):
            while rest:
                rest = rest[os.write(self._orders, rest) :]

    def close(self) -> None:
        """Leave no process behind; more than once is as good as once."""
        if self._orders is not None:
            self.child.kill_tree()
            self._end_orders()

    def _end_orders(self) -> None:
        if self._orders is not None:
            os.close(self._orders)
            self._orders = None


Process = TypeVar("Process", bound=Waiting)


class Hired(Waiting):
    """A worker with the folder of its run; raises ProcError or OSError where it cannot be started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        handed_on = {name: os.environ[name] for name in RUN_VARIABLES if name in os.environ}
        handed_on |= leftovers.handed_on()
        # Without a checkpoint it may never be asked what is installed.
        ahead = () if os.environ.get(CHECKPOINTS) == "0" else (AHEAD,)
        super().__init__(
            lambda orders: proc.Child(
                [
                    *(sys.executable, "-I", "-X", "utf8", "-c", WORKER),
                    str(folder / EVENTS),
                    str(orders),
                    *ahead,
                ],
                cwd=home,
                environment=proc.environment(home, home, extra={**handed_on, **index.handed_on(os.environ)}),
                stdout=folder / "worker.out",
                stderr=folder / "worker.err",
                pass_fds=(orders,),
            )
        )


class Standby(Waiting):
    """A process that has loaded pytest and waits for what it is to run.

    `passed` are the variables of ours that its tests are to see. What those start does not outlive us, even
    where we are killed. Raises ProcError or OSError where it cannot be started.
    """

    def __init__(self, folder: Path, passed: Mapping[str, str] = proc.NO_EXTRA) -> None:
        self.folder = folder / "tests"
        self.temporary = self.folder / "tmp"
        self.output = self.folder / "output.txt"
        self.errors = self.folder / "errors.txt"
        self.result = folder / RESULT
        home = self.folder / "home"
        for place in (self.folder, home, self.temporary):
            place.mkdir(exist_ok=True)
        with contextlib.ExitStack() as lent, contextlib.ExitStack() as held:
            self._descriptor = os.open(self.result, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            lent.callback(os.close, self._descriptor)
            self._lifeline, ours = os.pipe()
            lent.callback(os.close, self._lifeline)
            held.callback(os.close, ours)
            super().__init__(
                lambda orders: proc.Child(
                    [sys.executable, "-I", "-X", "utf8", "-c", TESTS, str(orders)],
                    cwd=home,
                    environment=self._environment(home, passed),
                    stdout=self.output,
                    stderr=self.errors,
                    pass_fds=(orders, self._descriptor, self._lifeline),
                    kept=True,
                )
            )
            self._held = held.pop_all()

    def begin(self, root: Path, arguments: Iterable[str], nonce: str, rcfile: str | None) -> None:
        """Have it run pytest in a folder, its records sealed with a nonce and measured as a file says."""
        self.order({"root": str(root), "arguments": [*arguments]})
        # The second line is for our plugin, in which project code cannot read it.
        self.order({"nonce": nonce, "result": self._descriptor, "lifeline": self._lifeline, "rcfile": rcfile})

    def close(self) -> None:
        """Leave no process behind; more than once is as good as once."""
        super().close()
        self._held.close()

    def _environment(self, home: Path, passed: Mapping[str, str]) -> dict[str, str]:
        scripts = str(Path(sys.executable).parent)
        return proc.environment(
            home,
            self.temporary,
            extra={
                "PATH": os.pathsep.join([scripts, os.defpath]),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                **leftovers.handed_on(),  # tests may start the system
                **passed,
            },
        )


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folder of a run, and the process in it that waits; None for one that is still to be started."""

    folder: Path
    worker: Hired | None = None
    tests: Standby | None = None


@contextlib.contextmanager
def hire(*, tests: bool = True) -> Iterator[Place]:
    """Yield a place for a run; what cannot be started in it, who asks it will say so.

    What waits in it is the process of the tests, without `tests` the worker. Both at once would take the time
    of each other, and of us, on two processors: where there are tests, they are what takes longest.
    """
    with tempfile.TemporaryDirectory(prefix="failhard-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if tests:
            yield Place(folder=folder, tests=_begun(Standby, folder, stack))
        else:
            yield Place(folder=folder, worker=_begun(Hired, folder, stack))


def _begun(make: Callable[[Path], Process], folder: Path, stack: contextlib.ExitStack) -> Process | None:
    with contextlib.suppress(proc.ProcError, OSError):
        process = make(folder)
        stack.callback(process.close)
        return process
    return None
