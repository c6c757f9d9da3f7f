"""The marker `failhard_isolation_mock`: a test that replaces a neighbour says so, and why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_failhard import refusals
from pytest_failhard.markers import ISOLATION_MOCK

MARKER = f"{ISOLATION_MOCK}(reason=...): this test puts a mock in the place of a neighbour, and why it must"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse markers without a reason, all of them at once, before any test runs."""
    refusals.refuse(config, items, [mistake for item in items for mistake in _mistakes(item)])


def _mistakes(item: pytest.Item) -> Iterator[str]:
    for mark in item.iter_markers(ISOLATION_MOCK):
        reason = mark.kwargs.get("reason")
        if mark.args or set(mark.kwargs) != {"reason"} or not isinstance(reason, str) or not reason.strip():
            name = item.nodeid.partition("[")[0]
            yield f"{name}: {ISOLATION_MOCK}: give it a reason, and nothing else: (reason='...')"
