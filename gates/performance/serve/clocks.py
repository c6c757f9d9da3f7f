"""The clocks of a batch: wall, own CPU, children's CPU, and the time spent waiting for a processor."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

TASKS = "/proc/self/task"
HAS_TASKS = Path(TASKS).is_dir()
PROBE_NS = 500_000
"""How much work shows whether the scheduler keeps accounts."""
LEAST_NS = 200_000
"""CPU that no thread accounts for and that is not yet suspicious; it is reading the accounts, too."""


class Reading(NamedTuple):
    """All clocks at one moment, in nanoseconds. `threads` holds on-CPU time and delay by thread id.

    A tuple, because it is made inside what is timed.
    """

    wall: int
    cpu: int
    children: int
    threads: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What lies between two readings. It is `sound` where the threads account for the CPU that was used."""

    wall: int = 0
    cpu: int = 0
    children: int = 0
    delay: int = 0
    sound: bool = True

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            wall=self.wall + other.wall,
            cpu=self.cpu + other.cpu,
            children=self.children + other.children,
            delay=self.delay + other.delay,
            sound=self.sound and other.sound,
        )

    def batch(self, *, adjusted: bool) -> dict[str, int | None]:
        """Return it as the parent reads it; `adj` is None where it cannot be told, or is not wanted."""
        known = adjusted and self.sound and not self.children
        return {
            "wall": self.wall,
            "cpu": self.cpu,
            "children": self.children,
            "delay": self.delay,
            "adj": max(self.cpu, self.wall - self.delay) if known else None,
        }


def parse(texts: Mapping[int, str]) -> dict[int, tuple[int, int]]:
    """Return on-CPU time and delay of each thread from the texts of its `schedstat`."""
    fields = {thread: text.split() for thread, text in texts.items()}
    return {thread: (int(values[0]), int(values[1])) for thread, values in fields.items()}


def difference(before: Reading, after: Reading) -> Spent:
    """Return what was spent between two readings.

    By thread, because one that ends takes its account along. A thread that is gone, or CPU that no thread
    has on its account (one that came and went), makes the delay unknown.
    """
    cpu = after.cpu - before.cpu
    on_cpu = delay = 0
    for thread, (ran, waited) in after.threads.items():
        ran_before, waited_before = before.threads.get(thread, (0, 0))
        on_cpu += ran - ran_before
        delay += waited - waited_before
    return Spent(
        wall=after.wall - before.wall,
        cpu=cpu,
        children=after.children - before.children,
        delay=delay,
        sound=before.threads.keys() <= after.threads.keys() and cpu - on_cpu <= max(cpu // 50, LEAST_NS),
    )


def start() -> Reading:
    """Read the clocks before work: those that matter most last."""
    children = _children()
    # The call brings the scheduler's accounts up to date: without it they lag by up to a tick.
    time.process_time_ns()
    threads = _threads()
    return Reading(
        children=children, threads=threads, cpu=time.process_time_ns(), wall=time.perf_counter_ns()
    )


def stop() -> Reading:
    """Read the clocks after work: those that matter most first."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    return Reading(wall=wall, cpu=cpu, threads=_threads(), children=_children())


def unavailable() -> str:
    """Return why the time spent waiting for a processor cannot be had, empty where it can."""
    before = start()
    while time.process_time_ns() - before.cpu < PROBE_NS:
        pass
    return missing(before, stop())


def missing(before: Reading, after: Reading) -> str:
    """Return what the scheduler's accounts lack over some work, empty where they grew with it."""
    if not after.threads:
        return f"no {TASKS}/*/schedstat on this {sys.platform}"
    ran = sum(account[0] for account in after.threads.values())
    moved = ran > sum(account[0] for account in before.threads.values())
    return "" if moved else f"the on-CPU time in {TASKS}/*/schedstat does not move"


def _threads() -> dict[int, tuple[int, int]]:
    if not HAS_TASKS:
        return {}
    with os.scandir(TASKS) as tasks:
        texts = {int(task.name): _read(f"{task.path}/schedstat") for task in tasks}
    return parse({thread: text for thread, text in texts.items() if text})


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.read(descriptor, 200).decode()
        finally:
            os.close(descriptor)
    except OSError:
        return ""  # the thread ended since the listing, or the kernel keeps no accounts


def _children() -> int:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((usage.ru_utime + usage.ru_stime) * 1e6) * 1000
