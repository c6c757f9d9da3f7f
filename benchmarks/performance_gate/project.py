"""Writes a git repository with a tiny product and its benchmarks: a commit to start from, a slower one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.performance_gate import workloads

SETTINGS = """\
[project]
name = "shop"
version = "1.0"

[tool.failhard]
source = ["shop"]
tests = ["tests"]
"""
SIZES = '''\
"""How much there is to do."""

UNITS = {units!r}
REVISION = {revision}
'''
HEAD = '''\
"""How fast the shop is."""

from shop.sizes import UNITS
from shop.work import WORKLOADS
'''
TEST = """

def test_{name}(benchmark):
    with WORKLOADS["{name}"].opened() as work:
        assert benchmark(work, UNITS["{name}"])
"""
IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgsign=false")
Units = Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, kw_only=True)
class Project:
    """The repository, checked out at head, and the commit before it."""

    root: Path
    base: str


def write(root: Path, units: Units, level: int) -> Project:
    """Write both commits; where nothing is slower, head differs in a number that nobody reads."""
    if root.exists():
        shutil.rmtree(root)
    (root / "shop").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "pyproject.toml").write_text(SETTINGS, "utf-8")
    (root / "shop" / "__init__.py").write_text("", "utf-8")
    shutil.copy(Path(workloads.__file__), root / "shop" / "work.py")
    tests = "".join(TEST.format(name=name) for name in units)
    (root / "tests" / "test_speed.py").write_text(HEAD + tests, "utf-8")
    _git(root, "init", "-q", "-b", "main")
    base = _commit(root, units, 0, 1)
    _commit(root, units, level, 2)
    return Project(root=root, base=base)


def _commit(root: Path, units: Units, level: int, revision: int) -> str:
    chosen = {name: levels[level] for name, levels in units.items()}
    text = SIZES.format(units=chosen, revision=revision)
    (root / "shop" / "sizes.py").write_text(text, "utf-8")
    _git(root, "add", "-A")
    _git(root, *IDENTITY, "commit", "-q", "-m", f"revision {revision}")
    return _git(root, "rev-parse", "HEAD")


def _git(root: Path, *arguments: str) -> str:
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments], cwd=root, env={**os.environ, **alone}, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
