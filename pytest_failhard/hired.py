"""Starts the process in which gates look before it is known what to ask of it: both take as long."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_failhard import leftovers, proc
from pytest_failhard.model import RUN_VARIABLES
from pytest_failhard.private import CHECKPOINTS
from pytest_failhard.system import index

# What is imported stays: to look for cycles in it meanwhile takes a fifth of the time.
WORKER = "import gc; gc.disable(); from pytest_failhard.worker import main; gc.enable(); main()"
EVENTS = "events.jsonl"
AHEAD = "ahead"
"""Has a worker look at what is installed while it waits for its orders."""


class Hired:
    """A worker that waits for its orders, with the folder of its run; `close` ends it.

    Raises ProcError or OSError where it cannot be started.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        handed_on = {name: os.environ[name] for name in RUN_VARIABLES if name in os.environ}
        handed_on |= leftovers.handed_on()
        # Without a checkpoint it may never be asked what is installed.
        ahead = () if os.environ.get(CHECKPOINTS) == "0" else (AHEAD,)
        reading, writing = os.pipe()
        self._orders: int | None = writing
        try:
            self.child = proc.Child(
                [
                    *(sys.executable, "-I", "-X", "utf8", "-c", WORKER),
                    str(folder / EVENTS),
                    str(reading),
                    *ahead,
                ],
                cwd=home,
                environment=proc.environment(home, home, extra={**handed_on, **index.handed_on(os.environ)}),
                stdout=folder / "worker.out",
                stderr=folder / "worker.err",
                pass_fds=(reading,),
            )
        except BaseException:
            self._end_orders()
            raise
        finally:
            os.close(reading)

    def order(self, order: Mapping[str, object]) -> None:
        """Send one line. A worker that is dead already is found, with its last words, by who waits for it."""
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


Place = tuple[Path, Hired | None]
"""A run's folder and its worker; None where it is still to be started."""


@contextlib.contextmanager
def hire() -> Iterator[Place]:
    """Yield a folder for a run, and a worker in it; where it cannot be started, who asks it will say so."""
    with tempfile.TemporaryDirectory(prefix="failhard-") as folder, contextlib.ExitStack() as stack:
        hired: Hired | None = None
        with contextlib.suppress(proc.ProcError, OSError):
            hired = Hired(Path(folder))
            stack.callback(hired.close)
        yield Path(folder), hired
