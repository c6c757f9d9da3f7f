"""Grows projects of any size from the package in `template`: the same bytes for the same size."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "benchmarks" / "template" / "gadget"
TESTS = ROOT / "tests" / "benchmarks" / "template"
PRODUCT = "grown"
KILO = 1000
_OURS = "benchmarks.template.gadget"
_KINDS = (
    *("annual", "blue", "broken", "central", "coastal", "daily", "early", "eastern", "fast", "final"),
    *("foreign", "former", "grand", "green", "heavy", "inner", "joint", "late", "light", "local"),
    *("mobile", "narrow", "northern", "outer", "remote", "rural", "shared", "urban", "western", "winter"),
)
_THINGS = (
    *("anchor", "barrel", "basket", "bicycle", "boiler", "camera", "canoe", "carpet", "crane", "drill"),
    *("engine", "fence", "filter", "garage", "hammer", "kettle", "ladder", "lantern", "locker", "mower"),
    *("needle", "oven", "piano", "pump", "scanner", "shovel", "tent", "tractor", "trailer", "wagon"),
)
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "grown"
version = "1.0.0"
description = "Lends things of many kinds."
readme = "README.md"
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE"]
authors = [{ name = "Bench", email = "bench@example.org" }]
dependencies = []

[tool.failhard]
level = 3
purpose = "lends things of many kinds"
requirements = ["it knows who has what"]
expected_load = { rps = 1, daily_users = 1 }
source = ["grown"]
tests = ["tests"]

[tool.failhard.system]
kind = "library"
secrets = []
settings = []

[tool.pytest]
strict = true
testpaths = ["tests"]
pythonpath = ["."]
filterwarnings = ["error"]

[tool.ruff]
line-length = 110
target-version = "py311"
"""
IGNORED = ".failhard/\n.nox/\n.coverage\n__pycache__/\n.mypy_cache/\n.ruff_cache/\n"


@dataclass(frozen=True, kw_only=True)
class Grown:
    """A project of our making: what is in it."""

    root: Path
    packages: int
    files: int
    lines: int


def names() -> Iterator[str]:
    """Yield the names of packages: the same ones, always; two neighbours have little in common."""
    for shift in range(len(_KINDS)):
        for number, thing in enumerate(_THINGS):
            yield f"{_KINDS[(number + shift) % len(_KINDS)]}_{thing}"


def package_lines() -> int:
    """Return the lines of one package with its tests, before it is formatted."""
    return sum(path.read_bytes().count(b"\n") for path in _templates())


def _templates() -> list[Path]:
    return [*sorted(PACKAGE.glob("*.py")), *sorted(TESTS.glob("*.py"))]


def grow(root: Path, lines: int) -> Grown:
    """Write a project of about so many lines, tests included, and commit it."""
    count = max(1, round(lines / package_lines()))
    chosen = list(itertools.islice(names(), count))
    if len(chosen) < count:
        raise ValueError(f"{lines} lines need {count} packages, and there are names for {len(chosen)}")
    for folder in (root / PRODUCT, root / "tests"):
        folder.mkdir(parents=True)
    (root / PRODUCT / "__init__.py").write_text('"""Lends things of many kinds."""\n', "utf-8")
    (root / "tests" / "__init__.py").write_text('"""Tests of all that is lent."""\n', "utf-8")
    for name in chosen:
        _package(root, name)
    texts = {
        "pyproject.toml": PROJECT,
        "README.md": "# grown\n\nLends things of many kinds.\n",
        "LICENSE": "MIT License\n\nCopyright Bench\n",
        "requirements.txt": "# It needs nothing.\n",
        ".gitignore": IGNORED,
    }
    for file, text in texts.items():
        (root / file).write_text(text, "utf-8")
    _formatted(root)
    commit(root)
    written = [path for folder in (PRODUCT, "tests") for path in (root / folder).rglob("*.py")]
    return Grown(
        root=root,
        packages=count,
        files=len(written),
        lines=sum(path.read_bytes().count(b"\n") for path in written),
    )


def _package(root: Path, name: str) -> None:
    for template in _templates():
        inside = root / PRODUCT if template.parent == PACKAGE else root / "tests"
        text = template.read_text("utf-8").replace(_OURS, f"{PRODUCT}.{name}")
        text = text.replace("Gadget", name.title().replace("_", "")).replace("gadget", name)
        target = inside / name / template.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, "utf-8")


def _formatted(root: Path) -> None:
    """Put in order what longer names have moved."""
    for arguments in (["check", "--quiet", "--select=I", "--fix"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, "--no-cache", "."], cwd=root, check=True)


def commit(root: Path) -> None:
    """Make a repository of a folder, with one commit of all."""
    author = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    for arguments in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)


if __name__ == "__main__":
    made = grow(Path(sys.argv[1]), int(sys.argv[2]) * KILO)
    sys.stdout.write(f"{made}\n")
