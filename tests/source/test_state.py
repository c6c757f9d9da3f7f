"""The digest of a tree: equal for equal files, whatever git has been told of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_failhard.source import state
from tests.acceptance.project import git
from tests.support import write


def digest(root: Path) -> str:
    return state.tree_digest(root, {})


def test_it_follows_the_files_and_not_what_is_committed(tmp_path: Path) -> None:
    root = write(tmp_path / "shop", {"a.py": "a = 1\n", "data/b.bin": b"\0\xff", ".gitignore": "*.log\n"})
    git(root, "init", "--quiet")
    seen = {digest(root)}
    git(root, "add", ".")
    seen.add(digest(root))
    git(root, "commit", "--quiet", "-m", "all")
    seen.add(digest(root))
    write(root, {"noise.log": "ignored"})
    seen.add(digest(root))
    assert len(seen) == 1

    def changed(by: str) -> None:
        now = digest(root)
        assert now not in seen, by
        seen.add(now)

    write(root, {"a.py": "a = 2\n"})
    changed("another content")
    write(root, {"new.txt": "new\n"})
    changed("a new file")
    (root / "data" / "b.bin").unlink()
    changed("a file that is gone")
    (root / "link").symlink_to("a.py")
    changed("a link")
    with (root / "large").open("wb") as file:
        file.truncate(state.WHOLE_BYTES + 1)
    changed("a large file")
    (root / "data").rmdir()
    write(root, {"data": "a file in the folder's place"})
    changed("a file in a folder's place")
    (root / "a.py").unlink()
    os.mkfifo(root / "a.py")
    changed("a pipe in a file's place")
    (root / "a.py").unlink()
    (root / "data").unlink()
    git(root, "checkout", "--quiet", ".")
    for name in ("new.txt", "link", "large"):
        (root / name).unlink()
    assert digest(root) in seen


def test_a_project_in_a_folder_of_a_repository_is_that_folder_alone(tmp_path: Path) -> None:
    write(tmp_path, {"one/a.py": "a = 1\n", "two/b.py": "b = 1\n"})
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    git(tmp_path, "add", ".")
    before = digest(tmp_path / "one")
    write(tmp_path, {"two/b.py": "b = 2\n"})
    assert digest(tmp_path / "one") == before
    write(tmp_path, {"one/a.py": "a = 2\n"})
    changed = digest(tmp_path / "one")
    git(tmp_path, "add", ".")
    assert before != changed == digest(tmp_path / "one")


def test_a_file_has_the_author_of_its_last_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": "a = 1\n"})
    assert state.last_author(tmp_path, "a.py") == ""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first", "--author=Bea <bea@example.org>")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "second", "--author=Cleo <cleo@example.org>")
    assert state.last_author(tmp_path, "a.py") == "Bea"
    # One that was never committed is nobody's, so whoever was last at work is asked.
    assert state.last_author(tmp_path, "b.py") == "Bea"
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert state.last_author(tmp_path, "a.py") == ""


def test_outside_git_it_is_that_of_the_files_that_are_judged(tmp_path: Path) -> None:
    first = state.tree_digest(tmp_path, {"a.py": "1"})
    assert first == state.tree_digest(tmp_path, {"a.py": "1"})
    assert first != state.tree_digest(tmp_path, {"a.py": "2"})


def test_a_package_more_is_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "path", [str(tmp_path), str(tmp_path / "gone"), str(write(tmp_path, {"x.zip": ""}) / "x.zip")]
    )
    before = state.packages_digest()
    assert state.packages_digest() == before
    (tmp_path / "shop-1.0.dist-info").mkdir()
    assert state.packages_digest() != before
