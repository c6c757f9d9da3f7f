"""Fixtures of the tests of the gate `system`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gates.system.staging import Staging


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    """Give what builds stages over the small server."""
    made = Staging(tmp_path)
    yield made
    made.close()
