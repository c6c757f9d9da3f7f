"""Says what was measured on and when, without names: the first line of each file of results."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


def described() -> dict[str, str]:
    """Return the day, the interpreter, the kernel, the processor and how many of it we may use."""
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        "processor": _model(),
        "processors": str(len(os.sched_getaffinity(0))),
    }


def _model() -> str:
    text = CPU_INFO.read_text("utf-8") if CPU_INFO.exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else "unknown"


def sentence(machine: Mapping[str, str]) -> str:
    """Return it for a reader."""
    return (
        f"{machine['processors']} processors ({machine['processor']}), {machine['system']}, "
        f"{machine['python']}, {machine['day']}"
    )
