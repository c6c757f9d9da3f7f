"""Fixtures of the LLM tests."""

from __future__ import annotations

from collections.abc import Iterator

import httpcore
import httpcore2
import pytest

from pytest_failhard.llm.server import Server

LOADED = (httpcore, httpcore2)
"""The clients import these late and keep their exceptions: an inner run in this process must not forget them."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is stopped, and whose stop proves that nothing in it failed."""
    with Server() as running:
        yield running
