"""Ends what a gate has started where all of it together holds more memory than its rule allows."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import psutil

from pytest_failhard import sweep
from pytest_failhard.model import GateError

if TYPE_CHECKING:
    from pytest_failhard.proc import Child

PAUSE_SECONDS = 2.0
MEGABYTE = 1024 * 1024


class Resident:
    """Watches over the processes of one gate while any lives, until `close`. `limit` is in megabytes.

    What counts is the resident memory of each with all that it started; pages that two of them share count
    twice.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._exceeded = threading.Event()
        self._watches = False
        self._thread: threading.Thread | None = None

    def add(self, child: Child) -> None:
        """Watch over one more process and what it starts."""
        # A gate starts its processes from several threads.
        with self._lock:
            self._children.append(child)
            if not self._watches:
                self._watches = True
                self._thread = threading.Thread(target=self._watch, name="failhard-memory", daemon=True)
                self._thread.start()

    def require(self) -> None:
        """Raise GateError where the limit was exceeded: what was seen then is worth nothing."""
        if self._exceeded.is_set():
            raise GateError(
                f"memory: its processes held more than {self._limit} MB together and were ended; "
                "find what holds it, or raise the rule's memory_mb in a policy file"
            )

    def close(self) -> None:
        """Watch no longer; raises GateError as `require` does."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self.require()

    def _watch(self) -> None:
        while not self._closed.wait(PAUSE_SECONDS):
            alive = self._living()
            if not alive:
                return
            if sum(map(_held, alive)) > self._limit * MEGABYTE:
                self._exceeded.set()
                for child in alive:
                    child.kill_tree()

    def _living(self) -> list[Child]:
        """Return the processes that live; without any the watch ends, and the next one begins another."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]
            self._watches = bool(self._children)
            return list(self._children)


def _held(child: Child) -> int:
    """Return the bytes that a process, its session and its descendants hold."""
    root = sweep.find(child.pid)
    family = set(sweep.members(leader=child.pid))
    held = 0
    with contextlib.suppress(psutil.Error):
        family |= {root, *root.children(recursive=True)} if root is not None else set()
    for process in family:
        with contextlib.suppress(psutil.Error):
            held += process.memory_info().rss
    return held
