"""The project's table for declarations and locks."""

from __future__ import annotations

import pytest

from pytest_failhard.distributions.settings import SupplySettings, read
from pytest_failhard.model import GateError


def table(**entries: object) -> dict[str, object]:
    return {"tool": {"failhard": {"dependencies": entries}}}


@pytest.mark.parametrize("document", [{}, {"tool": 1}, {"tool": {"failhard": []}}, table(severity={})])
def test_nothing_said(document: dict[str, object]) -> None:
    assert read(document) == SupplySettings()


def test_everything_said() -> None:
    found = read(table(files=["a.txt"], groups=["prod"], extras=["web"], locks=["sub/uv.lock"]))
    assert found == SupplySettings(
        files=("a.txt",), groups=("prod",), extras=("web",), locks=("sub/uv.lock",)
    )


def test_all_mistakes_at_once() -> None:
    with pytest.raises(GateError) as caught:
        read(table(files="a.txt", groups=[1], locks=["../uv.lock", "/uv.lock"]))
    said = str(caught.value)
    assert said.startswith("pyproject.toml: [tool.failhard.dependencies]: files: must be a list of texts")
    assert "groups: must be a list of texts" in said
    assert "locks: '../uv.lock' is outside the project; locks: '/uv.lock' is outside" in said
