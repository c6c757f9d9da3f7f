"""Tests of kept environments: whole or not there, and only as they were written."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.system.cache import Entry, State
from tests.support import write

SCRIPT = "#!{place}/bin/python\nimport sys\nprint(sys.argv[1])\n"


def environment(folder: Path) -> Path:
    """Make something like an environment; its interpreter says with what it was called."""
    write(
        folder,
        {
            "pyvenv.cfg": f"command = python -m venv {folder}\n",
            "bin/python": '#!/bin/sh\necho "ran $0 $(basename $1) $2"\n',
            "bin/tool": SCRIPT.format(place=folder),
            "bin/binary": b"\0" + str(folder).encode(),
            "lib/site-packages/one.py": "ONE = 1\n",
            "lib/site-packages/__pycache__/one.pyc": b"compiled",
        },
    )
    (folder / "bin/tool").chmod(0o755)
    (folder / "bin/python").chmod(0o755)
    (folder / "bin/python3").symlink_to("python")
    (folder / "lib64").symlink_to("lib")
    return folder


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    made = Entry(folder=tmp_path / "cache", key="k")
    with made.locked(lambda: 1.0):
        assert made.restore(tmp_path / "none") is State.ABSENT
        made.publish(environment(tmp_path / "built"))
    return made


@pytest.mark.parametrize("name", ["copy", "long-" + "x" * 150])
def test_a_copy_runs_its_own_scripts(tmp_path: Path, entry: Entry, name: str) -> None:
    copy = tmp_path / name
    assert entry.restore(copy) is State.REUSED
    done = subprocess.run(
        [copy / "bin/tool", "hello"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"ran {copy}/bin/python tool hello\n"
    assert str(copy) in (copy / "pyvenv.cfg").read_text()
    assert (copy / "bin/binary").read_bytes() == b"\0" + str(tmp_path / "built").encode()
    assert (copy / "lib64/site-packages/one.py").read_text() == "ONE = 1\n"


def changed(place: Path) -> None:
    (place / "lib/site-packages/one.py").write_text("ONE = 2\n")


def compiled_again(place: Path) -> None:
    (place / "lib/site-packages/__pycache__/one.pyc").write_bytes(b"other")


def added(place: Path) -> None:
    (place / "lib/site-packages/sitecustomize.py").write_text("")


def removed(place: Path) -> None:
    (place / "bin/tool").unlink()


def linked(place: Path) -> None:
    (place / "bin/python3").unlink()
    (place / "bin/python3").symlink_to("tool")


def unsealed(place: Path) -> None:
    (place.parent / "seal.json").unlink()


def unreadable_seal(place: Path) -> None:
    (place.parent / "seal.json").write_text("[1]")


def emptied(place: Path) -> None:
    place.rename(place.parent.parent / "elsewhere")


@pytest.mark.parametrize(
    "damage", [changed, compiled_again, added, removed, linked, unsealed, unreadable_seal, emptied]
)
def test_what_was_touched_is_thrown_away(
    tmp_path: Path, entry: Entry, damage: Callable[[Path], None]
) -> None:
    damage(entry.place / "environment")
    assert entry.restore(tmp_path / "copy") is State.DAMAGED
    assert not entry.place.exists()
    assert not (tmp_path / "copy").exists()


def test_a_run_that_was_ended_while_it_wrote_leaves_nothing(tmp_path: Path, entry: Entry) -> None:
    other = Entry(folder=entry.folder, key="other")
    write(entry.folder, {"other.part-0011/environment/bin/tool": ""})
    assert other.restore(tmp_path / "copy") is State.ABSENT
    assert sorted(path.name for path in entry.folder.iterdir()) == ["k", "k.lock"]


def test_what_cannot_be_copied_whole_is_not_kept(tmp_path: Path) -> None:
    made = Entry(folder=tmp_path / "cache", key="k")
    with pytest.raises(FileNotFoundError), made.locked(lambda: 1.0):
        made.publish(tmp_path / "absent")
    assert made.restore(tmp_path / "copy") is State.ABSENT


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"cache": "a file"})
    with (
        pytest.raises(GateError, match="set XDG_CACHE_HOME"),
        Entry(folder=tmp_path / "cache", key="k").locked(lambda: 1.0),
    ):
        pass


def test_an_entry_belongs_to_one_run_at_a_time(tmp_path: Path, entry: Entry) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with entry.locked(lambda: 1.0):
            held.set()
            release.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    left = iter([1.0, 0.0])
    with pytest.raises(GateError, match="another run holds"), entry.locked(lambda: next(left)):
        pass
    release.set()
    thread.join()
    with entry.locked(lambda: 0.0):
        assert entry.restore(tmp_path / "copy") is State.REUSED
