"""Stamps of files: whatever is written, whoever sets the times back, a digest is never an old one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_failhard.stamps import LARGE_BYTES, Listed, Memo, digest, folder_digest, listed
from tests.support import write

NONE: frozenset[str] = frozenset()
FILES = {"a.py": "a = 1\n", "deep/b.py": "b = 2\n", "left/c.py": "c", "env/pyvenv.cfg": "", "env/d.py": "d"}


def one(root: Path, path: str = "a.py") -> Listed:
    return next(file for file in listed(root, NONE) if file.path == path)


def old(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock be an hour later than the files."""
    later = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert root.is_dir()


def test_environments_and_named_folders_are_not_entered_and_links_not_followed(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / "link").symlink_to("deep")
    assert {file.path for file in listed(tmp_path, frozenset({"left"}))} == {"a.py", "deep/b.py", "link"}
    assert {file.path for file in listed(tmp_path / "env", NONE, "x/")} == {"x/pyvenv.cfg", "x/d.py"}
    with pytest.raises(FileNotFoundError):
        listed(tmp_path / "nowhere", NONE)


def test_a_digest_is_remembered_by_its_stamp_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, FILES)
    old(tmp_path, monkeypatch)
    first = Memo()
    expected = first.digest(tmp_path, one(tmp_path))
    data = first.dump()
    assert data is not None
    second = Memo.load(data)
    # Not read again: another file stands there by now, of which the list does not know.
    file = one(tmp_path)
    (tmp_path / "a.py").write_text("a = 3\n")
    assert second.digest(tmp_path, file) == expected
    assert second.dump() is None
    assert Memo.load(data).digest(tmp_path, one(tmp_path)) != expected


def test_a_byte_that_changes_with_the_times_set_back_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, FILES)
    old(tmp_path, monkeypatch)
    memo = Memo()
    expected, before = memo.digest(tmp_path, one(tmp_path)), (tmp_path / "a.py").stat()
    (tmp_path / "a.py").write_text("a = 2\n")
    # Its time of change cannot be set: only its clock may be too coarse to have moved.
    while (tmp_path / "a.py").stat().st_ctime_ns == before.st_ctime_ns:
        os.utime(tmp_path / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.utime(tmp_path / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = one(tmp_path).stamp
    assert (after.size, after.modified) == (before.st_size, before.st_mtime_ns)
    assert Memo.load(memo.dump()).digest(tmp_path, one(tmp_path)) != expected


def test_what_changed_just_before_it_was_read_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    memo = Memo()
    memo.digest(tmp_path, one(tmp_path))
    assert memo.fresh == {}
    assert memo.dump() is None


@pytest.mark.parametrize("place", [0, 25, 90, -1])
def test_a_damaged_memo_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    write(tmp_path, FILES)
    old(tmp_path, monkeypatch)
    memo = Memo()
    memo.digest(tmp_path, one(tmp_path))
    data = bytearray(memo.dump() or b"")
    assert Memo.load(bytes(data)).known
    data[place] ^= 1
    assert Memo.load(bytes(data)).known == {}
    assert Memo.load(None).known == {}


def test_links_pipes_and_large_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(LARGE_BYTES + 1)
    first = {file.path: Memo().digest(tmp_path, file) for file in listed(tmp_path, NONE)}
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("elsewhere")
    with (tmp_path / "large").open("r+b") as stream:
        stream.truncate(LARGE_BYTES + 2)
    second = {file.path: Memo().digest(tmp_path, file) for file in listed(tmp_path, NONE)}
    assert {path for path in first if first[path] != second[path]} == {"link", "large"}


def test_a_file_that_is_exchanged_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    file = one(tmp_path)
    write(tmp_path, {"a.py": "a = 12\n"})
    with pytest.raises(OSError, match="changes while it is read"):
        Memo().digest(tmp_path, file)


def test_a_folder_has_one_digest_and_one_that_is_not_there_another(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    before = folder_digest(tmp_path / "deep", NONE)
    assert before == folder_digest(tmp_path / "deep", NONE)
    (tmp_path / "deep" / "b.py").chmod(0o755)
    assert before != folder_digest(tmp_path / "deep", NONE)
    assert folder_digest(tmp_path / "none", NONE) != folder_digest(tmp_path / "other", NONE)


def test_plain_values_have_one_form() -> None:
    assert digest({"b": 1, "a": [2]}) == digest({"a": [2], "b": 1})
    assert digest(["1"]) != digest([1])
