"""A project with an interpreter of its own, whose packages are made by hand."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_failhard.gates.sbom import SbomGate
from pytest_failhard.gates.sbom.settings import SbomSettings
from pytest_failhard.model import Memory, Observation
from pytest_failhard.run import GateRun
from tests.distributions.bom.material import TIME, site
from tests.distributions.fake_site import pyproject
from tests.support import FakeTools, Kept, gate_run, observe, write

AUTHORS = 'license = "MIT"\nauthors = [{name = "The team", email = "team@example.com"}]\n'


def interpreter(folder: Path) -> Path:
    """Make a virtual environment by hand: no tool, no time."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    write(folder, {"pyvenv.cfg": f"home = {base.parent}\ninclude-system-site-packages = false\n"})
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(base)
    site(folder / "lib" / version / "site-packages")
    return folder / "bin" / "python"


@dataclass
class Place:
    """A project, its environment, and what a gate kept in its last run."""

    root: Path
    python: Path
    kept: Kept = field(default_factory=Kept)
    memory: Memory = field(default_factory=Memory)
    tools: FakeTools | None = None
    """Those that stand in the place of ours."""

    @classmethod
    def made(cls, folder: Path, wanted: tuple[str, ...] = ("web.kit", "core"), more: str = AUTHORS) -> Place:
        """Write a project below a folder."""
        return cls(pyproject(folder / "project", wanted, more), interpreter(folder / "venv"))

    @property
    def packages(self) -> Path:
        """Where its packages lie."""
        return next((self.python.parent.parent / "lib").glob("python3*")) / "site-packages"

    def look(self, **settings: object) -> Observation:
        """Let the gate observe."""
        gate = SbomGate()
        self.kept = Kept()
        return observe(self.run(settings), gate)

    def run(self, settings: Mapping[str, object], scratch: Path | None = None) -> GateRun:
        """Return a run of the gate that knows what the last one left."""
        self.memory = Memory(earlier=self.memory.left or self.memory.earlier)
        run = gate_run(
            self.root,
            SbomGate(),
            settings=SbomSettings(**settings),  # type: ignore[arg-type]  # as a policy gives them
            keep=self.kept,
            interpreter=self.python,
            committed=TIME,
            memory=self.memory,
            scratch=scratch,
        )
        if self.tools is None:
            return run
        return replace(run, executable=self.tools.executable, packages=self.tools.packages)
