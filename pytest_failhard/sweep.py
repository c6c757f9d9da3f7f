"""Finds processes by id, session, ancestry or tag, and ends them."""

from __future__ import annotations

import contextlib
import io
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
_HARD = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


def kill_tree(pids: Iterable[int]) -> tuple[int, ...]:
    """End these processes, their groups and their descendants; return the ids of survivors."""
    roots = [process for pid in pids if (process := find(pid)) is not None]

    def family() -> Iterator[psutil.Process]:
        for root in roots:
            yield root
            yield from members(leader=root.pid)

    return kill(family)


def kill(family: Callable[[], Iterator[psutil.Process]], *, polite: bool = True) -> tuple[int, ...]:
    """Signal snapshot after snapshot until two in a row are empty: members may start others meanwhile.

    A `polite` one asks first. Returns the ids of survivors.
    """
    known: set[psutil.Process] = set()
    empty = 0
    for _ in range(MAX_SWEEPS):
        alive = snapshot(family, known)
        empty = 0 if alive else empty + 1
        if empty == 2:
            break
        known |= alive
        _signal(alive, signal.SIGTERM if polite else _HARD)
        _await_end(alive, time.monotonic() + (GRACE_SECONDS if polite else _HARD_GRACE_SECONDS))
        polite = polite and not alive
    return tuple(sorted(process.pid for process in known if _is_alive(process)))


def snapshot(
    family: Callable[[], Iterator[psutil.Process]], known: Iterable[psutil.Process] = ()
) -> set[psutil.Process]:
    """Return what lives of a family, of those known before, and of the descendants of all of them."""
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
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.is_running())
    except psutil.Error as error:
        # What may not be looked at is there; all else that psutil says of a process is that it is gone.
        return isinstance(error, psutil.AccessDenied)


def find(pid: int) -> psutil.Process | None:
    """Return the process with this id, None where there is none."""
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def members(mark: str = "", leader: int = 0) -> Iterator[psutil.Process]:
    """Yield every process whose environment carries the id, or that is in the session of the leader."""
    for pid in psutil.pids():
        if not _belongs(pid, mark, leader):
            continue
        process = find(pid)
        # Asked again, because the id may have changed hands before the process was identified.
        if process is not None and _belongs(pid, mark, leader):
            yield process


def _belongs(pid: int, mark: str, leader: int) -> bool:
    return (leader > 0 and _session(pid) == leader) or (mark != "" and _carries(pid, mark))


def _carries(pid: int, mark: str) -> bool:
    # Whatever the variable is called: a mark is random and as good as any name.
    try:
        if sys.platform != "linux":
            return any(mark in value for value in psutil.Process(pid).environ().values())
        # Many times faster than by way of psutil, and this is asked of every process of the machine.
        with io.FileIO(f"/proc/{pid}/environ") as environment:
            return mark.encode() in environment.readall()
    except (OSError, psutil.Error):
        return False


def _session(pid: int) -> int:
    if sys.platform == "win32":
        return -1
    try:
        return os.getsid(pid)
    except OSError:
        return -1
