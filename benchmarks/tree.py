"""Runs a command and watches the memory of all its processes together."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.peers import environment

EVERY = 0.1
"""Seconds between two looks; what lives shorter is not seen."""
MEGABYTE = 1024 * 1024
WORDS = 60


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a run took: seconds, and megabytes of resident memory.

    `peak` is the most that all processes had at one look, pages that they share counted for each; `largest`
    is the most that one had, `largest_is` what that one was.
    """

    code: int
    wall: float
    cpu: float
    peak: float
    largest: float
    largest_is: str


def watched(
    argv: Sequence[str], cwd: Path, output: Path, more: Mapping[str, str], codes: frozenset[int]
) -> Watched:
    """Run a command to its end; an exit code that is none of `codes` ends the benchmark."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    peak, largest, name = 0, 0, ""
    with output.open("wb") as stream:
        child = subprocess.Popen(
            argv, cwd=cwd, env={**environment(), **more}, stdout=stream, stderr=subprocess.STDOUT
        )
        while child.poll() is None:
            sizes = _sizes(child.pid)
            peak = max(peak, sum(size for size, _ in sizes))
            top, top_pid = max(sizes, default=(0, 0))
            if top > largest:
                largest, name = top, _name(top_pid) or name
            time.sleep(EVERY)
    wall = time.perf_counter() - began
    if child.returncode not in codes:
        sys.stderr.write(output.read_text("utf-8", "replace")[-3000:])
        sys.exit(f"{argv}: exit code {child.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Watched(
        code=child.returncode,
        wall=wall,
        cpu=after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
        peak=peak / MEGABYTE,
        largest=largest / MEGABYTE,
        largest_is=name,
    )


def _sizes(pid: int) -> list[tuple[int, int]]:
    """Return resident bytes and number of a process and of all below it."""
    try:
        top = psutil.Process(pid)
        processes = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [(size, process.pid) for process in processes if (size := _resident(process))]


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0


def _name(pid: int) -> str:
    """Return what a process is: the module that it runs, or its command without folders."""
    try:
        words = psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
    if "-m" in words[:-1]:
        return words[words.index("-m") + 1]
    if any("pytest_failhard.worker" in word for word in words):
        return "our worker"
    return " ".join(Path(word).name for word in words)[:WORDS]
