"""The scan keeps the collector of cycles away while it reads a file, and leaves it as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pytest_failhard.rules.scan import scan_sources
from pytest_failhard.source.files import SourceFile


@pytest.fixture
def collector() -> Iterator[None]:
    """Put the collector back: the other tests need it."""
    was_on = gc.isenabled()
    yield
    if was_on:
        gc.enable()
    else:
        gc.disable()


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.usefixtures("collector")
def test_the_collector_is_off_while_a_file_is_read_and_as_before_afterwards(is_on: bool) -> None:
    seen: list[bool] = []

    def read() -> bytes:
        seen.append(gc.isenabled())
        return b"x = 1\n"

    if is_on:
        gc.enable()
    else:
        gc.disable()
    scan_sources([(SourceFile(path="app/a.py", role="product"), read)])
    assert seen == [False]
    assert gc.isenabled() is is_on
