"""Times whole commands in alternating pairs and prints their ratio with its spread."""

from __future__ import annotations

import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, what must be done before each run of it, and the exit codes that count."""

    name: str
    argv: Sequence[str]
    cwd: Path
    codes: frozenset[int] = frozenset({0})
    before: Callable[[], None] = lambda: None
    environment: Mapping[str, str] | None = None

    def variables(self) -> dict[str, str]:
        """Return the environment: ours and its own."""
        return {**_environment(), **(self.environment or {})}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run took: wall and CPU seconds, children included."""

    wall: float
    cpu: float


def _environment() -> dict[str, str]:
    """Return ours, with compiled files allowed: a machine that forbids them pays them on every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def once(command: Command) -> Cost:
    """Run a command; a wrong exit code ends the benchmark, for a failed run has no speed."""
    command.before()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        command.argv,
        cwd=command.cwd,
        env=command.variables(),
        capture_output=True,
        check=False,
    )
    wall = time.perf_counter() - started
    if done.returncode not in command.codes:
        sys.stderr.buffer.write(done.stdout + done.stderr)
        sys.exit(f"{command.name}: exit code {done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return Cost(wall=wall, cpu=cpu)


def pairs(first: Command, second: Command, runs: int) -> list[tuple[Cost, Cost]]:
    """Run both in turn, after one run of each that does not count."""
    once(first), once(second)
    return [(once(first), once(second)) for _ in range(runs)]


def spread(values: Sequence[float]) -> str:
    """Return median, least and greatest."""
    return f"{statistics.median(values):.3f} (min {min(values):.3f}, max {max(values):.3f})"


def certain(values: Sequence[float]) -> str:
    """Return the median, and by rank between which values it lies with 95 % certainty."""
    ranked = sorted(values)
    reach = 0.98 * math.sqrt(len(ranked))
    low = max(0, math.floor(len(ranked) / 2 - reach))
    high = min(len(ranked) - 1, math.ceil(len(ranked) / 2 + reach) - 1)
    return f"{statistics.median(ranked):.1f} ({ranked[low]:.1f} to {ranked[high]:.1f})"
