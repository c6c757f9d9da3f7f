"""Fixtures that all tests share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import FakeTools, fake_tools

Script = Callable[..., FakeTools]


@pytest.fixture(scope="session")
def scripted_environment(tmp_path_factory: pytest.TempPathFactory) -> FakeTools:
    """Return the one scratch environment whose tools obey a script."""
    return fake_tools(tmp_path_factory.mktemp("environment") / "venv")


@pytest.fixture
def script(scripted_environment: FakeTools, tmp_path: Path) -> Script:
    """Return a function that tells the scratch environment's tools what to do, step by step."""

    def write(*steps: tuple[str, object]) -> FakeTools:
        scripted_environment.script.write_text(json.dumps(steps))
        return scripted_environment

    return write
