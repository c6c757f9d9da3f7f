"""Keeps what was measured, one JSON line a measurement, with the machine and the versions of all tools."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.performance_gate.machine import described

RESULTS = Path(__file__).parent / "results"
TOOLS = (
    *("pytest-failhard", "pytest", "pytest-xdist", "coverage", "ruff", "mypy", "bandit"),
    *("detect-secrets", "pip-licenses", "cyclonedx-bom"),
)


def versions(names: Iterable[str] = TOOLS) -> dict[str, str]:
    """Return the versions of what is installed here."""
    return {name: importlib.metadata.version(name) for name in names}


def keep(name: str, measured: Mapping[str, object], peers: Mapping[str, str], folder: Path = RESULTS) -> None:
    """Add a line to the results of a program; `peers` are versions of what is not installed here."""
    line = {
        **measured,
        "load": round(os.getloadavg()[0], 2),
        "machine": described(),
        "versions": {**versions(), **peers},
    }
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, sort_keys=True) + "\n")


def lines(path: Path) -> list[str]:
    """Return the lines of a file of results; none where nothing was kept."""
    return path.read_text("utf-8").splitlines() if path.exists() else []
