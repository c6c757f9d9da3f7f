"""Runs the matrix: every fault of the level against every declared call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.gates.llm.installed import Installed
from pytest_failhard.model import GateError, Observation, Run
from pytest_failhard.system.declaration import System


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the matrix is run against: a declaration that is complete and agrees with the code."""

    settings: LlmSettings
    system: System
    import_roots: tuple[str, ...]
    installed: Mapping[str, Installed]


def run(run: Run, target: Target) -> Observation:
    """Return what was seen; raises GateError for what cannot be judged."""
    calls = ", ".join(call.id for call in target.settings.calls)
    raise GateError(f"cannot-run: {calls}: this build injects no failures (level {run.level})")
