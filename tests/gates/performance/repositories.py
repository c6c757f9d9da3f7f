"""Tiny git repositories with a baseline commit, and the trees that the gate builds of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pytest_failhard.gates.performance import PerformanceGate
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.gates.performance.trees import build
from pytest_failhard.model import Base, GateError, ProjectFacts
from pytest_failhard.run import GateRun
from pytest_failhard.source.base import resolve
from tests.support import FACTS, gate_run, write

IDENTITY = dict.fromkeys(
    ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "test"
)
WHICH = "import app\n\n\ndef test_benchmark():\n    print('ran', app.NAME, app.__file__)\n"
"""A test that says which code it has, and would be taken for one with a benchmark."""
BENCHMARK = "from app import work\n\n\ndef test_work(benchmark):\n    assert benchmark(work)\n"


def git(root: Path, *arguments: str) -> str:
    """Run git with a configuration of its own and return what it prints."""
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(
        command, cwd=root, env=environment | IDENTITY, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(root: Path, files: Mapping[str, str | bytes | None]) -> str:
    """Write files, remove those that are None, commit all; return the commit."""
    for path in (root / name for name, text in files.items() if text is None):
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    write(root, {name: text for name, text in files.items() if text is not None})
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "change")
    return git(root, "rev-parse", "HEAD")


def repository(root: Path, *states: Mapping[str, str | bytes | None]) -> Path:
    """Make a repository with a commit for each state."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for state in states:
        commit(root, state)
    return root


def run_of(
    root: Path,
    *,
    source: tuple[str, ...] = ("app",),
    tests: tuple[str, ...] = ("tests",),
    base: str | None = None,
    facts: ProjectFacts = FACTS,
    interpreter: Path = Path(sys.executable),
) -> GateRun:
    """Return a run of the gate with the merge base as all gates see it."""
    found: Base | None = None
    missing = ""
    try:
        found = resolve(root, base)
    except GateError as error:
        missing = str(error)
    return gate_run(
        root,
        PerformanceGate(),
        base=found,
        base_missing=missing,
        source=source,
        tests=tests,
        level=3,
        facts=facts,
        interpreter=interpreter,
    )


def built(run: GateRun, settings: PerformanceSettings | None = None) -> Trees:
    """Return the trees of a run."""
    return build(run, settings or PerformanceSettings())


def collected(side: Side, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a side as a worker is run, but without the worker."""
    arguments = list(side.arguments)
    at = arguments.index("failhard_serve")
    del arguments[at - 1 : at + 1]
    return subprocess.run(
        [str(side.python), *arguments, "-qs", *options],
        cwd=side.tree,
        env={**side.environment, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
