"""Builds a stage whose system is the small server of these tests."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_failhard.gates.system import SystemGate
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import NO_VARIABLES
from pytest_failhard.run import GateRun
from pytest_failhard.system.declaration import Route, System
from tests.support import Kept, gate_run, write

OPTIONS = SystemSettings()
SERVER = Path(__file__).with_name("load_server.py")
CREATE = Route(
    id="create",
    method="POST",
    path="/items",
    body={"title": "t-${n}"},
    expect=(201,),
    capture={"item": "id"},
)
SHOW = Route(id="show", path="/items/${item}")


def system(*modes: str, routes: Sequence[Route] = (CREATE, SHOW), grace_s: int = 5) -> System:
    """Declare the small server; each mode is a way in which it is bad."""
    return System(
        kind="http",
        start=(sys.executable, "-I", "-S", str(SERVER), *modes),
        port_env="PORT",
        ready="/health",
        routes=tuple(routes),
        grace_s=grace_s,
        secrets=(),
    )


class Staging:
    """Builds stages, and ends what they started."""

    def __init__(self, folder: Path) -> None:
        self.kept = Kept()
        self._folder = folder
        self._runs: list[GateRun] = []

    def __call__(
        self,
        declared: System,
        *parts: str,
        pyproject: str = "",
        options: SystemSettings = OPTIONS,
        files: Mapping[str, str] = NO_VARIABLES,
    ) -> Stage:
        """Return a stage on which these parts are enforced; `options` are those of the policy."""
        folder = self._folder / str(len(self._runs))
        root = write(folder / "project", {"pyproject.toml": pyproject, **files})
        run = gate_run(root, SystemGate(), scratch=folder / "scratch", keep=self.kept)
        self._runs.append(run)
        chosen = replace(options, enforce=parts)
        return Stage(run=run, settings=chosen, system=declared, tree=root, python=Path(sys.executable))

    def close(self) -> None:
        """End all runs."""
        for run in self._runs:
            run.close()
