"""A project beside a hand-made environment, and what the gate sees of both."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.gates.dependencies import DependenciesGate
from pytest_failhard.gates.dependencies.settings import DependenciesSettings
from pytest_failhard.model import Observation
from tests.distributions.fake_site import MARKERS, package, pyproject
from tests.support import Kept, gate_run, observe, write

ALL = DependenciesSettings(lock="required", verify_files=True, hashes="required", editable="forbidden")


@dataclass
class Place:
    """A project `app`, and an interpreter that has nothing but what is put into `site`."""

    root: Path
    site: Path
    kept: Kept = field(default_factory=Kept)
    searched: list[Path] = field(default_factory=list)
    """Further folders that the interpreter searches."""

    def has(
        self,
        name: str,
        version: str = "1.0",
        *,
        requires: tuple[str, ...] = (),
        extras: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
        direct_url: object = None,
    ) -> Path:
        """Install a distribution; without files it has one module of its name."""
        return package(
            self.site, name, version, requires=requires, extras=extras, files=files, direct_url=direct_url
        )

    def modules(self, name: str, *paths: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> None:
        """Install a distribution that brings some files."""
        package(self.site, name, version, requires=requires, files=dict.fromkeys(paths, b""))

    def declares(self, *requirements: str, more: str = "") -> None:
        """Write pyproject.toml."""
        pyproject(self.root, requirements, more)

    def writes(self, files: Mapping[str, str]) -> None:
        """Write files of the project."""
        write(self.root, files)

    def interpreter(self, **markers: str) -> Path:
        """Return a program that answers the probe like the interpreter of `site`."""
        said = {
            "paths": [str(self.site), *map(str, self.searched)],
            "markers": {**MARKERS, **markers},
            "standard": sorted(sys.stdlib_module_names),
            "prefix": str(self.site.parent),
            "abi": "cpython-312-x86_64-linux-gnu",
        }
        answer = write(self.site.parent, {"answer.json": json.dumps(said)}) / "answer.json"
        program = self.site.parent / "python"
        program.write_text(f"#!/bin/sh\ncat '{answer}'\n")
        program.chmod(0o755)
        return program

    def seen(self, settings: DependenciesSettings | None = None, **markers: str) -> Observation:
        """Return what the gate observes."""
        tests = ("tests",) if (self.root / "tests").is_dir() else ()
        run = gate_run(
            self.root,
            DependenciesGate(),
            settings=settings,
            tests=tests,
            keep=self.kept,
            scratch=Path(tempfile.mkdtemp(dir=self.root.parent)) / "scratch",
            interpreter=self.interpreter(**markers),
        )
        return observe(run, DependenciesGate())

    def found(
        self, settings: DependenciesSettings | None = None, **markers: str
    ) -> list[tuple[str, str, str]]:
        """Return rule, severity and anchor of each finding, sorted."""
        seen = self.seen(settings, **markers)
        return sorted((each.rule, each.severity.name.lower(), each.anchor) for each in seen.findings)


def place(folder: Path) -> Place:
    """Make an empty project and an empty environment."""
    site = folder / "env" / "site-packages"
    site.mkdir(parents=True)
    made = Place(root=folder / "project", site=site)
    made.declares()
    made.writes({"app/__init__.py": ""})
    return made
