"""Finds processes by id, session, ancestry or tag, and ends them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import psutil

GRACE_SECONDS = 2.0
_HARD_GRACE_SECONDS = 0.25
MAX_SWEEPS = 20
TAG = "FAILHARD_RUN"
"""Carried by every process we start: a path of ids, so that whoever carries ours is our descendant."""
# A process between fork and exec, or one whose clock reading was rounded, may look slightly older.
_CLOCK_SLACK_SECONDS = 1.0
_HARD = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


def kill_tree(pids: Iterable[int]) -> tuple[int, ...]:
    """End these processes, their groups and their descendants; return the ids of survivors."""
    roots = [process for pid in pids if (process := find(pid)) is not None]

    def family() -> Iterator[psutil.Process]:
        for root in roots:
            yield root
            yield from session(root.pid, 0.0)

    return kill(family)


def kill(family: Callable[[], Iterator[psutil.Process]]) -> tuple[int, ...]:
    """Signal snapshot after snapshot until two in a row are empty: members may start others meanwhile."""
    known: set[psutil.Process] = set()
    polite = True
    empty = 0
    for _ in range(MAX_SWEEPS):
        alive = _snapshot(family, known)
        empty = 0 if alive else empty + 1
        if empty == 2:
            break
        known |= alive
        _signal(alive, signal.SIGTERM if polite else _HARD)
        _await_end(alive, time.monotonic() + (GRACE_SECONDS if polite else _HARD_GRACE_SECONDS))
        polite = polite and not alive
    return tuple(sorted(process.pid for process in known if _is_alive(process)))


def _snapshot(
    family: Callable[[], Iterator[psutil.Process]], known: set[psutil.Process]
) -> set[psutil.Process]:
    found = {process for process in known if _is_alive(process)}
    found |= {process for process in family() if _is_alive(process)}
    for process in tuple(found):
        with contextlib.suppress(psutil.Error):
            found |= {child for child in process.children(recursive=True) if _is_alive(child)}
    return {process for process in found if process.pid != os.getpid()}


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        # psutil compares the creation time first, so that a stranger with a reused id is never hit.
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _await_end(processes: Iterable[psutil.Process], deadline: float) -> None:
    # Not psutil.wait_procs: it reaps our own children, and Popen then reports exit code 0.
    while any(_is_alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.005)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def find(pid: int) -> psutil.Process | None:
    """Return the process with this id, None where there is none."""
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def identify(pid: int) -> tuple[psutil.Process | None, float]:
    """Return the process and a moment before it began, in seconds since the epoch."""
    root = find(pid)
    try:
        began = time.time() if root is None else root.create_time()
    except psutil.Error:
        began = time.time()
    return root, began - _CLOCK_SLACK_SECONDS


def _younger(since: float) -> Iterator[psutil.Process]:
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error):
            each = psutil.Process(pid)
            if each.create_time() >= since:
                yield each


def carriers(mark: str, since: float) -> Iterator[psutil.Process]:
    """Yield every process, begun after `since`, whose environment carries the id."""
    for each in _younger(since):
        with contextlib.suppress(psutil.Error, OSError):
            if mark in each.environ().get(TAG, "").split("/"):
                yield each


def session(leader: int, since: float) -> Iterator[psutil.Process]:
    """Yield every member, begun after `since`, of the session that this process opened."""
    return (each for each in _younger(since) if _session_of(each.pid) == leader)


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1
