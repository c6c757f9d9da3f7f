"""The marker `failhard_isolation_mock`: a test that replaces a neighbour says so, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_failhard.markers import ISOLATION_MOCK

if TYPE_CHECKING:
    import pytest


def mistakes(items: Iterable[pytest.Item]) -> Iterator[str]:
    """Yield each marker without a reason, or with more than one."""
    for item in items:
        for mark in item.iter_markers(ISOLATION_MOCK):
            reason = mark.kwargs.get("reason")
            if (
                mark.args
                or set(mark.kwargs) != {"reason"}
                or not isinstance(reason, str)
                or not reason.strip()
            ):
                name = item.nodeid.partition("[")[0]
                yield f"{name}: {ISOLATION_MOCK}: give it a reason, and nothing else: (reason='...')"
