"""Reads what the machine is doing: it explains an undecided result and never excuses one."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.gates.performance.samples import Batch, Conditions

HERE = Path("/")
_PRESSURE = re.compile(r"^some avg10=([0-9.]+)", re.MULTILINE)
_STEAL = 7
"""The position in a `cpu` line, see proc_stat(5); guest time, which follows it, is part of the first."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The counters at one moment; None for one that cannot be had."""

    ticks: tuple[int, int] | None = None
    """Of all processors: stolen by the host, and all of them."""
    periods: tuple[int, int] | None = None
    """Of the own control group: those in which it was throttled, and all of them."""


def read(root: Path = HERE) -> Reading:
    """Read the counters of the machine whose file system begins at `root`."""
    return Reading(ticks=_ticks(root), periods=_periods(root))


def since(before: Reading, batches: Sequence[Batch], root: Path = HERE) -> Conditions:
    """Return what the machine did since a reading, in which these batches ran."""
    after = read(root)
    stolen = _grown(before.ticks, after.ticks)
    throttled = _grown(before.periods, after.periods)
    wall = sum(batch.wall for batch in batches)
    pressure = _PRESSURE.search(_text(root / "proc/pressure/cpu"))
    return Conditions(
        load=os.getloadavg()[0],
        pressure=float(pressure[1]) if pressure else None,
        steal=stolen[0] / stolen[1] if stolen and stolen[1] else None,
        delay=sum(batch.delay for batch in batches) / wall if wall else None,
        throttled=throttled[0] if throttled else None,
        periods=throttled[1] if throttled else None,
    )


def _grown(before: tuple[int, int] | None, after: tuple[int, int] | None) -> tuple[int, int] | None:
    return (after[0] - before[0], after[1] - before[1]) if before and after else None


def _ticks(root: Path) -> tuple[int, int] | None:
    first, *_ = _text(root / "proc/stat").partition("\n")
    fields = [int(field) for field in first.split()[1:]]
    return (fields[_STEAL], sum(fields[: _STEAL + 1])) if len(fields) > _STEAL else None


def _periods(root: Path) -> tuple[int, int] | None:
    """Return the counts of the nearest group above us that keeps them."""
    groups = [line.split(":", 2)[1:] for line in _text(root / "proc/self/cgroup").splitlines()]
    for controllers, path in groups:
        # Version 2 names no controllers; of version 1 the one named cpu counts.
        mount = "sys/fs/cgroup" + (f"/{controllers}" if controllers else "")
        if not controllers or "cpu" in controllers.split(","):
            for folder in _upwards(root / mount, path):
                counts = dict(line.split(" ", 1) for line in _text(folder / "cpu.stat").splitlines())
                if "nr_throttled" in counts:
                    return int(counts["nr_throttled"]), int(counts["nr_periods"])
    return None


def _upwards(mount: Path, path: str) -> list[Path]:
    # In a container the group's path may be that of the host, of which only the end is mounted.
    place = mount / path.lstrip("/")
    return [each for each in (place, *place.parents) if each == mount or mount in each.parents]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
