"""Entries of the cache: what is read is what was written, whatever happens to the files in between."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_failhard.store import StoreError, folder
from pytest_failhard.store.entries import Entries, Entry, EntryError, KeptFile, dump, parse
from pytest_failhard.store.folder import Folder
from tests.support import NOBODY, full_disk_at, nobody

DAY = 86400.0
KEY, OTHER = "a" * 64, "b" * 64
MADE = time.time()
FILES = (
    KeptFile(name="ruff.json", data=b'{"found": 1}\n', media_type="application/json"),
    KeptFile(name="build.log", data=b"\0\n\n", volatile=True),
    KeptFile(name="sbom.json", data=b"", has_contacts=True),
)


def entry(gate: str = "lint", key: str = KEY, size: int = 0) -> Entry:
    return Entry(
        gate=gate,
        key=key,
        observation=b'{"examined": 3}\n' + b" " * size,
        evidence=FILES,
        made=MADE,
        seconds=0.5,
    )


@pytest.fixture
def entries(tmp_path: Path) -> Iterator[Entries]:
    opened = Entries.open(tmp_path, ("cache", "shop"))
    yield opened
    opened.close()


def test_what_was_written_is_read_and_the_folder_is_for_its_owner_alone(entries: Entries) -> None:
    written = entry()
    entries.write(written)
    assert entries.read("lint", KEY, DAY) == written
    assert entries.read("lint", OTHER, DAY) is None
    assert entries.read("types", KEY, DAY) is None
    assert entries.notes == []
    place = entries.folder.path
    assert [path.stat().st_mode & 0o777 for path in (place, place.parent, place / written.name)] == [
        0o700,
        0o700,
        0o600,
    ]


@given(place=st.integers(0), bit=st.integers(0, 7))
def test_no_byte_of_an_entry_can_change_unnoticed_fo_110(place: int, bit: int) -> None:
    data = bytearray(dump(entry()))
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(EntryError):
        parse(bytes(data))


def test_what_somebody_writes_while_we_read_is_not_read_fo_111(
    entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries.write(entry())
    entries.since = time.time_ns()
    path, read = entries.folder.path / entry().name, Folder.read

    def slow(place: Folder, name: str) -> bytes | None:
        before = path.stat().st_ctime_ns
        # Some systems tell the time in steps.
        while path.stat().st_ctime_ns == before:
            path.write_bytes(dump(entry(size=7)))
        return read(place, name)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "read", slow)
        assert entries.read("lint", KEY, DAY) is None
    entries.purge_foreign()
    assert not path.exists()


@pytest.mark.parametrize("used", [False, True])
def test_what_somebody_writes_before_we_know_our_own_file_is_thrown_away_fo_111(
    entries: Entries, monkeypatch: pytest.MonkeyPatch, used: bool
) -> None:
    """Between a rename, or a look at an entry, and the look at the file that says which one is ours."""
    if used:
        entries.write(entry())
    entries.since = time.time_ns()
    path, forged = entries.folder.path / entry().name, dump(entry(size=7))
    status = Folder.status

    def slow(place: Folder, name: str) -> os.stat_result | None:
        if name == path.name and path.exists() and path.read_bytes() != forged:
            path.write_bytes(forged)
        return status(place, name)

    with monkeypatch.context() as patch:
        if used:
            patch.setattr(Folder, "touch", slow)
            assert entries.read("lint", KEY, DAY) is not None
        else:
            patch.setattr(Folder, "status", slow)
            entries.write(entry())
    assert path.read_bytes() == forged
    entries.purge_foreign()
    assert not path.exists()
    assert "written during this run by something else" in entries.notes[-1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(cut=st.integers(0), more=st.binary(max_size=3))
def test_a_truncated_entry_is_thrown_away_and_said_fo_110(entries: Entries, cut: int, more: bytes) -> None:
    entries.write(entry())
    path = entries.folder.path / entry().name
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % len(whole)] + more)
    assert entries.read("lint", KEY, DAY) is None
    assert not path.exists()
    assert entries.notes.pop().startswith(f"cache-entry-damaged: {path.name}: its bytes are not those")


def test_two_entries_that_were_swapped_are_both_thrown_away_fo_110(entries: Entries) -> None:
    entries.write(entry("lint"))
    entries.write(entry("types"))
    one, two = (entries.folder.path / entry(gate).name for gate in ("lint", "types"))
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)
    assert entries.read("lint", KEY, DAY) is None
    assert entries.read("types", KEY, DAY) is None
    assert entries.purged == 2
    assert "it is an entry of the gate types for other inputs" in entries.notes[0]


def test_an_entry_under_the_name_of_other_inputs_is_thrown_away_fo_110(entries: Entries) -> None:
    entries.write(entry(key=OTHER))
    (entries.folder.path / entry(key=OTHER).name).rename(entries.folder.path / entry().name)
    assert entries.read("lint", KEY, DAY) is None
    assert entries.purged == 1


def test_a_folder_where_a_file_is_to_be_is_said_and_leaves_nothing_half_written(entries: Entries) -> None:
    (entries.folder.path / entry().name).mkdir()
    with pytest.raises(StoreError, match=r"cache-not-written: .*: Is a directory"):
        entries.write(entry())
    assert [path.name for path in entries.folder.path.iterdir()] == [entry().name]
    (entries.folder.path / "digests.json").symlink_to("nowhere")
    assert entries.recall("digests.json") is None


def test_where_folders_cannot_be_held_open_entries_are_kept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "BY_DESCRIPTOR", False)
    opened = Entries.open(tmp_path, ("cache", "shop"))
    opened.write(entry())
    assert opened.read("lint", KEY, DAY) == entry()
    assert opened.purge() == 1
    opened.close()


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_is_no_file_is_thrown_away(entries: Entries, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(dump(entry()))
    place = entries.folder.path / entry().name
    if kind == "link":
        place.symlink_to(outside)
    else:
        place.mkdir()
    assert entries.read("lint", KEY, DAY) is None
    assert entries.purged == 1
    assert outside.exists()
    assert not place.exists()


@pytest.mark.parametrize("age", [-1.0, DAY + 1.0])
def test_an_entry_has_an_end_and_none_comes_from_the_future(entries: Entries, age: float) -> None:
    entries.write(entry())
    assert entries.read("lint", KEY, DAY, now=MADE + age) is None
    assert not (entries.folder.path / entry().name).exists()
    assert entries.notes == []


def test_the_least_recently_used_go_first(entries: Entries) -> None:
    one = len(dump(entry(size=1000)))
    entries.limit = 2 * one + one // 2
    for number, gate in enumerate(("lint", "types")):
        entries.write(entry(gate, size=1000))
        os.utime(entries.folder.path / entry(gate).name, (number, number))
    assert entries.read("lint", KEY, DAY) is not None
    entries.write(entry("secrets", size=1000))
    assert sorted(entries.stats().gates) == ["lint", "secrets"]
    entries.write(entry("sbom", size=10_000))
    assert "sbom" not in entries.stats().gates


def test_trimming_by_age_and_by_size(entries: Entries) -> None:
    for number, gate in enumerate(("lint", "types", "secrets")):
        entries.write(entry(gate))
        os.utime(entries.folder.path / entry(gate).name, (time.time() - 100 * number,) * 2)
    size = len(dump(entry("secrets")))
    assert entries.trim(older_than=150) == (1, size)
    assert entries.trim(max_size=size) == (1, len(dump(entry("types"))))
    assert entries.stats().gates == {"lint": 1}
    assert entries.stats().size == len(dump(entry()))
    abandoned = entries.folder.path / ".lint.tmp"
    abandoned.touch()
    os.utime(abandoned, (0, 0))
    assert entries.trim() == (1, 0)
    assert entries.purge() == 1
    assert entries.stats().oldest is None


def test_validate_names_what_is_damaged_and_leaves_what_is_sound(entries: Entries) -> None:
    entries.write(entry())
    (entries.folder.path / entry("types").name).write_bytes(dump(entry("secrets")))
    (entries.folder.path / entry("sbom").name).write_text("none")
    sound, damaged = entries.validate()
    assert sound == 1
    assert ["types-" in damaged[1], "sbom-" in damaged[0]] == [True, True]
    assert f"it is the entry {entry('secrets').name}" in damaged[1]
    assert entries.validate() == (1, ())


def test_what_others_write_during_a_run_has_no_effect_fo_111(entries: Entries) -> None:
    entries.write(entry("lint"))
    entries.write(entry("types"))
    entries.remember("digests.json", b"{}")
    assert entries.recall("digests.json") == b"{}"
    later = Entries.open(entries.folder.path.parent, (entries.folder.path.name,))
    later.since = time.time_ns()
    forged = [
        later.folder.path / name for name in (entry("secrets").name, entry("lint").name, "digests.json")
    ]
    # The clock of files is coarser than ours.
    while forged[0].write_bytes(dump(entry("secrets"))) and forged[0].stat().st_ctime_ns < later.since:
        pass
    forged[1].write_bytes(dump(entry("lint")))
    forged[2].write_bytes(b"[]")
    assert later.read("secrets", KEY, DAY) is None
    assert later.read("lint", KEY, DAY) is None
    assert later.recall("digests.json") is None
    assert later.read("types", KEY, DAY) is not None
    later.write(entry("sbom"))
    later.purge_foreign()
    assert later.stats().gates == {"sbom": 1, "types": 1}
    assert later.purged == 3
    assert all("written during this run by something else" in note for note in later.notes)
    assert later.read("types", KEY, DAY) is not None
    later.close()


def test_a_folder_that_was_exchanged_is_named_fo_111(entries: Entries) -> None:
    place = entries.folder.path
    place.rename(place.with_name("moved"))
    place.mkdir()
    with pytest.raises(StoreError, match="another folder stands in its place"):
        entries.purge_foreign()


def test_a_link_or_a_folder_that_others_may_enter_is_refused_fo_111(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(StoreError, match=r"cache-refused: .*link is a symlink; .*--no-cache"):
        Entries.open(tmp_path, ("link",))
    with pytest.raises(StoreError, match=r"link/shop: .*link is a symlink"):
        Entries.open(tmp_path, ("link", "shop"))
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(StoreError, match="others may enter it"):
        Entries.open(tmp_path, ("open",))
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cache-refused: .*: File exists"):
        Entries.open(tmp_path / "file", ("shop",))


def test_somebody_elses_folder_is_refused_fo_111(tmp_path: Path) -> None:
    place = tmp_path / "theirs" if os.geteuid() == 0 else Path("/usr")
    if os.geteuid() == 0:
        place.mkdir()
        os.chown(place, NOBODY, NOBODY)
    with pytest.raises(StoreError, match=r"cache-refused: .* it belongs to another user \(id \d+\)"):
        Entries.open(place.parent, (place.name,))


def test_a_full_disk_is_said_and_what_was_there_stays(entries: Entries) -> None:
    entries.write(entry())
    with full_disk_at(512):
        with pytest.raises(StoreError, match=r"cache-not-written: .*: File too large; the gates run"):
            entries.write(entry(key=OTHER, size=5000))
        with pytest.raises(StoreError, match="cache-not-written"):
            entries.write(entry(size=5000))
    assert [path.name for path in entries.folder.path.iterdir()] == [entry().name]
    assert entries.read("lint", KEY, DAY) is not None


def test_a_folder_that_cannot_be_written_to_is_read(entries: Entries) -> None:
    for gate in ("lint", "types"):
        entries.write(entry(gate))
    place = entries.folder.path
    (place / entry("types").name).write_text("damaged")
    place.chmod(0o500)
    with nobody(place, *place.iterdir()):
        assert entries.read("lint", KEY, DAY) == entry()
        assert entries.read("types", KEY, DAY) is None
        assert entries.read("lint", KEY, DAY, now=MADE + DAY + 1) is None
        with pytest.raises(StoreError, match=r"cache-not-written: .*: Permission denied; the gates run"):
            entries.write(entry("sbom"))
        with pytest.raises(StoreError, match="Permission denied"):
            entries.purge()
    place.chmod(0o700)
    assert "nothing of it is used, but it cannot be removed (Permission denied)" in entries.notes[0]


def test_two_runs_at_once_leave_whole_entries(entries: Entries) -> None:
    others = [Entries.open(entries.folder.path.parent, (entries.folder.path.name,)) for _ in range(3)]

    def write(each: Entries) -> None:
        for _ in range(20):
            each.write(entry(size=2000))
            each.read("lint", KEY, DAY)

    threads = [threading.Thread(target=write, args=(each,)) for each in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [note for each in others for note in each.notes] == []
    assert entries.validate() == (1, ())
    for each in others:
        each.close()
