"""Every text file is read, whatever hides it, and what is not read is named."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.model import GateError
from pytest_failhard.source.text_files import decode, read
from tests.support import write

LIMIT = 1000


def paths(root: Path) -> list[str]:
    return [file.path for file in read(root, LIMIT).files]


def test_text_is_read_in_any_folder_and_of_any_name(tmp_path: Path) -> None:
    names = [".env", ".github/a.yml", "build/a.js", "docs/ä b.md", "vendor/LICENSE", "x.unknown"]
    assert paths(write(tmp_path, dict.fromkeys(names, "text\n"))) == names


@pytest.mark.parametrize("folder", [".git", "node_modules", "app/__pycache__", ".tox", "lib/site-packages"])
def test_folders_that_no_gate_reads(tmp_path: Path, folder: str) -> None:
    assert paths(write(tmp_path, {f"{folder}/a.txt": "text", "b.txt": "text"})) == ["b.txt"]


def test_an_environment_is_not_read(tmp_path: Path) -> None:
    assert paths(write(tmp_path, {"env/pyvenv.cfg": "home = x", "env/a.txt": "text", "b.txt": ""})) == [
        "b.txt"
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        ("ä".encode(), "ä"),
        ("ä".encode("latin-1"), "ä"),
        ("\ufeffä".encode(), "ä"),
        ("ä".encode("utf-16"), "ä"),
        ("ä".encode("utf-32"), "ä"),
        (b"\xff\xfe\x00", "ÿþ"),
        (b"", ""),
    ],
)
def test_any_encoding(data: bytes, text: str) -> None:
    assert decode(data) == text


@given(st.binary())
def test_decoding_never_fails_and_leaves_no_other_line_end(data: bytes) -> None:
    assert not {"\r", "\0"} & set(decode(data))


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    root = write(
        tmp_path, {"image.png": b"\x89PNG\0", "long.txt": "x" * (LIMIT + 1), "a.txt": "a", "d/b.txt": "b"}
    )
    (root / "link.txt").symlink_to("a.txt")
    (root / "gone.txt").symlink_to("nowhere")
    (root / "folder").symlink_to("d")
    os.mkfifo(root / "pipe")
    texts = read(root, LIMIT)
    assert [file.path for file in texts.files] == ["a.txt", "d/b.txt"]
    assert texts.binary == ("image.png",)
    assert texts.oversized == ("long.txt",)
    assert texts.special == ("folder", "gone.txt", "link.txt", "pipe")


@pytest.mark.parametrize("name", [".env", ".env.local", "app.yaml", "Dockerfile", "key.pem"])
def test_a_nul_hides_no_file_whose_name_says_text(tmp_path: Path, name: str) -> None:
    (file,) = read(write(tmp_path, {name: b"\0A=\0b\n"}), LIMIT).files
    assert file.text == "A=b\n"


def test_all_unreadable_files_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path, {"a.txt": "a", "b.txt": "b", "c.txt": "c"})
    opened = Path.open

    def refuse(self: Path, mode: str = "r") -> object:
        if self.name != "b.txt":
            raise PermissionError(13, "Permission denied")
        return opened(self, mode)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(GateError, match=r"unreadable-source: a\.txt: cannot be read: Perm.*; c\.txt: cannot"):
        read(root, LIMIT)


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path, {"a/b.txt": "b"})
    listed = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(GateError, match=r"unreadable-source: .*a: cannot be read: Permission denied"):
        read(root, LIMIT)


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, timeout=60)


def test_what_git_ignores_and_does_not_track_is_no_part_of_the_tree(tmp_path: Path) -> None:
    files = {".gitignore": ".env\nlocal/\n", ".env": "a", "local/b.txt": "b", "c.txt": "c", "d/.env": "d"}
    root = write(tmp_path, files)
    git(root, "init")
    git(root, "add", "--force", "d/.env", ".gitignore")
    assert paths(root) == [".gitignore", "c.txt", "d/.env"]


def test_a_project_in_an_ignored_folder_of_another_repository_is_read(tmp_path: Path) -> None:
    root = write(tmp_path, {".gitignore": "work/\n", "work/.env": "a"})
    git(root, "init")
    assert paths(root / "work") == [".env"]


def test_a_broken_repository_hides_nothing(tmp_path: Path) -> None:
    root = write(tmp_path, {".gitignore": ".env\n", ".env": "a"})
    (root / ".git").mkdir(mode=stat.S_IRWXU)
    assert paths(root) == [".env", ".gitignore"]
