"""The fixture `failhard_system`: the declared system, running, for the project's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_failhard.system.under_test import SystemUnderTest


@pytest.fixture(scope="session")
def failhard_system_python(pytestconfig: pytest.Config) -> Path:
    """The interpreter whose packages the system runs on: `python` in [tool.failhard], else the running one.

    Override it to return another.
    """
    import sys

    from pytest_failhard import config

    try:
        named = config.load(pytestconfig.rootpath).python
    except config.ConfigError as error:
        pytest.fail(f"failhard_system: {error}", pytrace=False)
    # Not resolved: a virtual environment's interpreter is a link that must stay itself.
    return pytestconfig.rootpath / named if named is not None else Path(sys.executable)


@pytest.fixture(scope="session")
def failhard_system(
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
    failhard_system_python: Path,
) -> Iterator[SystemUnderTest]:
    """The system that `[tool.failhard.system]` declares, ready; nothing of it is left after the session."""
    from pytest_failhard import leftovers
    from pytest_failhard.model import GateError
    from pytest_failhard.system.under_test import SystemUnderTest

    folder = tmp_path_factory.mktemp("failhard-system")
    try:
        leftovers.clean()
        started = SystemUnderTest(pytestconfig.rootpath, folder, interpreter=failhard_system_python)
    except GateError as error:
        pytest.fail(f"failhard_system: {error}", pytrace=False)
    yield started
    started.close()
