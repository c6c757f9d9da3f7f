"""Fixtures of the LLM tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_failhard.llm.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is stopped, and whose stop proves that nothing in it failed."""
    with Server() as running:
        yield running
