"""A project with an interpreter of its own, whose packages are made by hand."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.gates.sbom import SbomGate
from pytest_failhard.gates.sbom.settings import SbomSettings
from pytest_failhard.model import Observation
from tests.distributions.bom.material import TIME, site
from tests.distributions.fake_site import pyproject
from tests.support import Kept, gate_run, observe, write

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
        given = SbomSettings(**settings)  # type: ignore[arg-type]  # as a policy gives them
        run = gate_run(
            self.root, gate, settings=given, keep=self.kept, interpreter=self.python, committed=TIME
        )
        return observe(run, gate)
