"""The marker `failhard_isolation_mock` in ordinary runs of pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard import fixtures, markers
from tests.support import inactive, write

RIGHT = """\
import pytest


@pytest.mark.failhard_isolation_mock(reason="the card service charges real money")
def test_right():
    assert 1 + 1 == 2
"""
WRONG = """\
import pytest


@pytest.mark.failhard_isolation_mock
@pytest.mark.parametrize("size", [1, 2])
def test_silent(size):
    assert size


@pytest.mark.failhard_isolation_mock(reason=" ")
def test_blank():
    assert True


@pytest.mark.failhard_isolation_mock("the card service", reason="the card service")
def test_twice():
    assert True


@pytest.mark.failhard_isolation_mock(reason=7, until="May")
def test_odd():
    assert True
"""


def test_every_marker_carries_our_prefix(pytestconfig: pytest.Config) -> None:
    ours = fixtures.MARKERS
    assert {*ours} <= {*pytestconfig.getini("markers")}
    assert [each for each in ours if not each.startswith("failhard_")] == []
    assert f"{markers.ISOLATION_MOCK}(" in "".join(ours)


def test_a_mock_for_isolation_says_why(tmp_path: Path) -> None:
    done = inactive(write(tmp_path, {"test_right.py": RIGHT}))
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 passed" in done.stdout


def test_one_that_does_not_is_refused_before_any_test_runs(tmp_path: Path) -> None:
    done = inactive(write(tmp_path, {"test_right.py": RIGHT, "test_wrong.py": WRONG}))
    assert done.returncode == 4
    said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line]
    assert said == [
        f"test_wrong.py::{name}: failhard_isolation_mock: give it a reason, and nothing else: (reason='...')"
        for name in ("test_silent", "test_blank", "test_twice", "test_odd")
    ]
    assert "passed" not in done.stdout
