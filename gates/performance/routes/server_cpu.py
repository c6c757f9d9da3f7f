"""Reads the processor time of a server: of all its processes, before and after a window of load."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

SECOND_NS = 1_000_000_000
CHILDREN_USER, CHILDREN_SYSTEM = 13, 14
"""Positions in /proc/<pid>/stat behind the name of the program, see proc(5)."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The processes of a server at a moment, and the nanoseconds that they have used since they began.

    Those of children which ended and were waited for are in it.
    """

    pids: frozenset[int]
    nanoseconds: int


def read(pids: Iterable[int]) -> Reading:
    """Read the clocks of processes; one that is gone is not among them."""
    used = {}
    for pid in pids:
        with contextlib.suppress(OSError, psutil.Error):
            used[pid] = _of(pid)
    return Reading(pids=frozenset(used), nanoseconds=sum(used.values()))


def between(before: Reading, after: Reading) -> int | None:
    """Return the nanoseconds used meanwhile, None where a process came or went: its share is not known."""
    return after.nanoseconds - before.nanoseconds if before.pids == after.pids else None


def _of(pid: int) -> int:
    if sys.platform == "linux":
        return time.clock_gettime_ns(_clock(pid)) + _children(pid)
    times = psutil.Process(pid).cpu_times()
    return round((times.user + times.system) * SECOND_NS)


def _clock(pid: int) -> int:
    """Return the id of another process's clock, threads that have ended included, see clock_getcpuclockid(3).

    What counts in steps of 10 ms is too coarse for a window of half a second.
    """
    return (~pid << 3) | 2


def _children(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    ticks = int(fields[CHILDREN_USER]) + int(fields[CHILDREN_SYSTEM])
    return ticks * SECOND_NS // os.sysconf("SC_CLK_TCK")
