"""Tiny projects of a fleet: one that passes, one that fails, one that waits until somebody reads."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from tests.support import write

PROJECT = """\
[project]
name = "{name}"
version = "1"

[tool.failhard]
level = 1
source = ["app"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""
TEST = '"""T."""\n\nfrom app import one\n\n\ndef test_one() -> None:\n    assert one() == {number}\n'
WAITING = """\
import os
import pathlib
import threading


def test_waits() -> None:
    pathlib.Path({told!r}).write_text(str(os.getpid()))
    threading.Event().wait()
"""


def project(folder: Path, test: str = TEST.format(number=1)) -> Path:
    """Write a project of one function and one test."""
    return write(
        folder,
        {
            "pyproject.toml": PROJECT.format(name=folder.name),
            "app/__init__.py": '"""P."""\n\n\ndef one() -> int:\n    """Return one."""\n    return 1\n',
            "tests/test_one.py": test,
        },
    )


def failing(folder: Path) -> Path:
    """Write a project whose test fails."""
    return project(folder, TEST.format(number=2))


def waiting(folder: Path) -> tuple[Path, Path]:
    """Write a project whose test waits for ever; return it and the pipe in which the test says its process id."""
    told = folder.with_name(f"{folder.name}.told")
    os.mkfifo(told)
    return project(folder, WAITING.format(told=str(told))), told


def worker_above(test: psutil.Process, fleet: int) -> psutil.Process:
    """Return the worker that a test runs under: the ancestor that the fleet's own process started."""
    return next(each for each in test.parents() if each.ppid() == fleet)
