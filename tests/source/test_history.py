"""The day of the commit that is judged, and when there is none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.source.history import made
from tests.acceptance.project import commit, git, write

TODAY = date(2026, 1, 15)


def repository(root: Path) -> Path:
    """Create an empty repository."""
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch", "main")
    return root


def test_a_committed_file_is_as_old_as_the_commit_in_utc(tmp_path: Path) -> None:
    root = write(repository(tmp_path / "p"), {"a.lock": "1", "b": "1"})
    commit(root, date="2025-12-24T01:30:00+05:00")
    assert made(root, ["a.lock"], TODAY) == date(2025, 12, 23)
    write(root, {"b": "2"})
    assert made(root, ["a.lock"], TODAY) == date(2025, 12, 23)
    write(root, {"a.lock": "2"})
    assert made(root, ["a.lock"], TODAY) == TODAY


def test_without_a_repository_or_a_commit_it_is_today(tmp_path: Path) -> None:
    assert made(tmp_path, ["a.lock"], TODAY) == TODAY
    assert made(repository(tmp_path / "p"), ["a.lock"], TODAY) == TODAY


def test_a_repository_that_git_cannot_read_is_an_error(tmp_path: Path) -> None:
    root = repository(tmp_path / "p")
    write(root, {".git/index": "nothing that git knows"})
    with pytest.raises(GateError, match="git status: "):
        made(root, ["a.lock"], TODAY)


def test_no_git_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GateError, match="git"):
        made(tmp_path, ["a.lock"], TODAY)
