"""`failhard cache`: what it prints, what it removes, and its exit status."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_failhard import private
from pytest_failhard.cli import cache
from pytest_failhard.model import Mode
from pytest_failhard.store.entries import Entry

KEY = "a" * 64


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the user's cache directory be one of ours."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.delenv("FAILHARD_CACHE_MB", raising=False)
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


def kept(root: Path, mode: Mode, *gates: str) -> Path:
    """Keep an entry for each gate; return the folder."""
    entries = private.place(root, mode, os.environ).open()
    for gate in gates:
        entries.write(Entry(gate=gate, key=KEY, observation=b" " * 1000, made=time.time()))
    entries.close()
    return entries.folder.path


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        cache.command.main(list(map(str, arguments)))
    return (ended.value.code, *capsys.readouterr())


def test_without_a_cache_nothing_is_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "stats", home) == (0, f"{home}: no cache: no run has kept anything\n", "")
    assert [*home.iterdir()] == []
    assert run(capsys, "stats", home, "--all")[0] == 0


def test_both_caches_of_a_project_are_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    author = kept(home, Mode.AUTHOR, "lint", "types")
    checked = kept(home, Mode.SUPERVISED, "lint")
    kept(home / "other", Mode.SUPERVISED)
    code, out, err = run(capsys, "stats", home)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{author}: 2 entries (lint 1, types 1), 0.0 MB of 256.0 MB, oldest use 0.0 days ago",
        f"{checked}: 1 entries (lint 1), 0.0 MB of 256.0 MB, oldest use 0.0 days ago",
    ]
    code, out, _ = run(capsys, "stats", home, "--all")
    assert code == 0
    assert len(out.splitlines()) == 3
    assert ": empty" in out


def test_validate_removes_what_is_damaged_and_ends_with_1(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = kept(home, Mode.SUPERVISED, "lint", "types")
    assert run(capsys, "validate", home)[:2] == (
        0,
        f"{place}: 2 entries are sound, 0 were damaged and are removed\n",
    )
    (entry,) = place.glob("lint-*")
    entry.write_bytes(entry.read_bytes()[:-1])
    code, out, err = run(capsys, "validate", home)
    assert (code, out) == (1, f"{place}: 1 entries are sound, 1 were damaged and are removed\n")
    assert err.startswith(f"failhard: cache-entry-damaged: {entry.name}: its bytes are not those")
    assert not entry.exists()


def test_purge_and_trim(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = kept(home, Mode.SUPERVISED, "lint", "types", "secrets")
    for days, gate in enumerate(("lint", "types", "secrets")):
        (entry,) = place.glob(f"{gate}-*")
        os.utime(entry, (time.time() - days * 86400 - 60,) * 2)
    assert run(capsys, "trim", home, "--older-than", "2d")[1] == f"{place}: removed 1 files, 0.0 MB\n"
    assert run(capsys, "trim", home, "--max-size", "2K")[1] == f"{place}: removed 1 files, 0.0 MB\n"
    assert [path.name.partition("-")[0] for path in place.iterdir()] == ["lint"]
    assert run(capsys, "purge", home) == (0, f"{place}: removed 1 entries\n", "")
    assert [*place.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what is to go: --older-than, --max-size, or both"),
        (("--older-than", "2"), "'2' is no whole number with one of m, h, d"),
        (("--older-than", "-2d"), "'-2d' is no whole number"),
        (("--max-size", "2T"), "'2T' is no whole number with one of K, M, G"),
    ],
)
def test_trim_refuses_what_it_does_not_understand(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, "trim", home, *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_cache_that_must_not_be_used_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(home, Mode.SUPERVISED).rmdir()
    place = private.place(home, Mode.SUPERVISED, os.environ).path
    place.symlink_to(home)
    code, out, err = run(capsys, "purge", home)
    assert (code, out) == (3, "")
    assert f"failhard: cache-refused: {place}: {place} is a symlink" in err
    monkeypatch.setenv("FAILHARD_CACHE_MB", "many")
    assert run(capsys, "stats", home)[0] == 2
