"""What the fixture `failhard_system` does, once a test asks for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_failhard import config, leftovers
from pytest_failhard.model import GateError
from pytest_failhard.system.under_test import SystemUnderTest


def interpreter(root: Path) -> Path:
    """Return the interpreter whose packages the system runs on."""
    try:
        named = config.load(root).python
    except config.ConfigError as error:
        pytest.fail(f"failhard_system: {error}", pytrace=False)
    # Not resolved: a virtual environment's interpreter is a link that must stay itself.
    return root / named if named is not None else Path(sys.executable)


def started(root: Path, folder: Path, python: Path) -> Iterator[SystemUnderTest]:
    """Yield the system, ready, and end it."""
    try:
        leftovers.clean()
        system = SystemUnderTest(root, folder, interpreter=python)
    except GateError as error:
        pytest.fail(f"failhard_system: {error}", pytrace=False)
    yield system
    system.close()
