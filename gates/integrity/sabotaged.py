"""Runs tests in a process that can import nothing of the product, and notes which pass all the same."""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

NAMES, RECORD, SECONDS = "SABOTAGE_NAMES", "SABOTAGE_RECORD", "SABOTAGE_SECONDS"
PHASES = 3
"""Of a test that passes: setup, call, teardown."""

passed: dict[str, int] = {}
"""Test -> how many of its phases passed."""
ran: set[str] = set()


class Report(Protocol):
    """What pytest reports of one phase of a test."""

    @property
    def nodeid(self) -> str:
        """The test."""

    @property
    def passed(self) -> bool:
        """Whether the phase passed."""


class Sabotage:
    """Refuses to import the product; everything else is left to who comes after."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise ImportError for a module of the product."""
        del path, target
        if name in self._names:
            raise ImportError(f"{name} is sabotaged")


def pytest_runtest_logreport(report: Report) -> None:
    """Note a phase of a test."""
    ran.add(report.nodeid)
    passed[report.nodeid] = passed.get(report.nodeid, 0) + report.passed


def pytest_sessionfinish() -> None:
    """Write down which tests ran, and which of them passed."""
    survived = sorted(name for name, phases in passed.items() if phases == PHASES)
    Path(os.environ[RECORD]).write_text(json.dumps({"ran": len(ran), "survived": survived}), "utf-8")


def main(arguments: Sequence[str]) -> None:
    """Run pytest with arguments, sabotaged, for so long as the environment says at most."""
    signal.alarm(int(os.environ[SECONDS]))
    sys.meta_path.insert(0, Sabotage(frozenset(json.loads(os.environ[NAMES]))))
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = ["pytest", *arguments]
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
