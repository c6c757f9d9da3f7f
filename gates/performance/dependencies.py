"""Compares what the two trees need, and gives the base an environment of its own where that differs."""

from __future__ import annotations

from pathlib import Path

from pytest_failhard.gates.performance.configuring import Plugins
from pytest_failhard.gates.performance.harness import Layout
from pytest_failhard.model import GateError, Run


def changed(base: Path, head: Path) -> tuple[str, ...]:
    """Return the names of the distributions that the trees need in other versions, sorted."""
    return ()


def install(run: Run, base: Path, head: Layout, loaded: Plugins, folder: Path) -> Path:
    """Return the interpreter of an environment that is built from the base's own lock."""
    raise GateError("baseline-environment: not yet")
