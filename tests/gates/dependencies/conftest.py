"""The fixture of the tests of this gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gates.dependencies.support import Place, place


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Place:
    return place(tmp_path)
