"""Tests of the copy in which a system runs, and of what is seen of its writing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.system.workcopy import Watch, copy
from tests.acceptance.project import git
from tests.support import write


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = write(
        tmp_path / "p",
        {
            ".gitignore": "*.secret\n",
            "app/a.py": "A = 1\n",
            "app/gone.py": "",
            "app/änd ü.txt": "x",
            "key.secret": "hidden",
        },
    )
    (root / "link").symlink_to("app/a.py")
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    (root / "app" / "gone.py").unlink()
    return write(root, {"new.txt": "untracked"})


def test_what_git_knows_and_does_not_ignore_is_copied(repository: Path, tmp_path: Path) -> None:
    copied = copy(repository, tmp_path / "run" / "tree")
    assert names(copied.folder) == [".gitignore", "app/a.py", "app/änd ü.txt", "link", "new.txt"]
    assert copied.folder.stat().st_mode & 0o777 == 0o700
    assert (copied.folder / "link").is_symlink()
    assert copy(repository, tmp_path / "second").sha256 == copied.sha256
    write(repository, {"new.txt": "changed"})
    assert copy(repository, tmp_path / "third").sha256 != copied.sha256


def test_a_part_of_a_repository_is_copied_alone(repository: Path, tmp_path: Path) -> None:
    assert names(copy(repository / "app", tmp_path / "tree").folder) == ["a.py", "änd ü.txt"]


def test_outside_git_caches_and_environments_are_left_out(tmp_path: Path) -> None:
    files = {"a.py": "", "env/pyvenv.cfg": "", "env/x.py": "", "__pycache__/a.pyc": "", "b/c.txt": ""}
    root = write(tmp_path / "p", files)
    os.mkfifo(root / "pipe")
    assert names(copy(root, tmp_path / "tree").folder) == ["a.py", "b/c.txt"]


def test_nothing_to_copy_is_an_error(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {".gitignore": "*\n", "a.py": ""})
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    with pytest.raises(GateError, match="p: git knows no file here that could be run"):
        copy(root, tmp_path / "tree")


def test_what_a_run_writes_is_seen_once(tmp_path: Path) -> None:
    tree, data = write(tmp_path / "tree", {"a.txt": "a", "b.txt": "b"}), tmp_path / "data"
    data.mkdir()
    watch = Watch(tree, data)
    assert watch.written() == {}
    write(tree, {"a.txt": "longer", "new/c.txt": "c"})
    write(data, {"store.db": "rows"})
    (tree / "broken").symlink_to("nowhere")
    os.mkfifo(data / "pipe")
    assert watch.written() == {
        "../data/pipe": b"",
        "../data/store.db": b"rows",
        "a.txt": b"longer",
        "broken": b"",
        "new/c.txt": b"c",
    }
    assert watch.written() == {}
