"""What the store refuses, what it writes, and that nothing half-written stays: on the real file system."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pytest_failhard.redact import Redactor, shipped
from pytest_failhard.store import Staging, Store, StoreError, folder, write_atomically
from pytest_failhard.store.folder import Folder
from pytest_failhard.store.journal import JournalError, opened
from tests.support import full_disk_at

SECRET = "hunter2hunter2"
REDACTOR = Redactor(shipped(), [SECRET])
HERE = Path(".failhard")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file of this process grow beyond a few bytes: the kernel answers as for a full disk."""
    with full_disk_at(512):
        yield


def refusal(report_dir: Path, root: Path) -> str:
    with pytest.raises(StoreError) as caught, Store.open(report_dir, root, REDACTOR):
        pass
    return str(caught.value)


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_a_run_leaves_its_files_and_nothing_else(root: Path) -> None:
    with Store.open(HERE, root, REDACTOR) as store:
        kept = store.keep("lint", "ruff.json", f'{{"found": "{SECRET}"}}'.encode())
        private = store.staging.folder
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert not private.is_relative_to(root)
        store.publish({"report.json": b"{}\n", "report.xml": b"<a/>\n"})
    folder = root / ".failhard"
    assert tree(folder) == [".gitignore", "evidence/lint/ruff.json", "report.json", "report.xml"]
    stored = (folder / "evidence/lint/ruff.json").read_bytes()
    assert stored == b'{"found": "[redacted:secret-value]"}'
    assert (kept.name, kept.media_type) == ("ruff.json", "application/json")
    assert kept.sha256 == hashlib.sha256(stored).hexdigest()
    assert "*" in (folder / ".gitignore").read_text().splitlines()
    assert not private.exists()


def test_the_old_report_is_gone_before_anything_runs_fo_108(root: Path) -> None:
    folder = root / ".failhard"
    (folder / "evidence" / "lint").mkdir(parents=True)
    (folder / "evidence" / "lint" / "old.json").write_text("old")
    (folder / "report.json").write_text('{"verdict": "pass"}')
    (folder / "verdict.json").write_text('{"verdict": "pass"}')
    (folder / "history.jsonl").write_text("kept\n")
    with Store.open(HERE, root, REDACTOR):
        assert tree(folder) == [".gitignore", "history.jsonl", "lock"]


def test_old_evidence_that_is_a_link_is_unlinked_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    (root / ".failhard").mkdir()
    (root / ".failhard" / "evidence").symlink_to(outside)
    with Store.open(HERE, root, REDACTOR) as store:
        store.keep("lint", "a.txt", b"a")
        store.publish({"report.json": b"{}\n"})
    assert tree(outside) == ["precious"]
    assert (root / ".failhard" / "evidence" / "lint" / "a.txt").read_bytes() == b"a"


def test_a_report_folder_that_is_a_symlink_is_refused_fo_113(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (root / ".failhard").symlink_to(tmp_path / "out")
    assert refusal(HERE, root) == (
        f"report-folder-refused: {root / '.failhard'}: is a symlink; "
        "put a folder in its place, or name another one with --report-dir"
    )
    assert tree(tmp_path / "out") == []


def test_a_symlink_on_the_way_out_of_the_project_is_refused_fo_113(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (root / "build").symlink_to(tmp_path / "out")
    assert "build: is a symlink" in refusal(Path("build/report"), root)
    assert "build: is a symlink" in refusal(root / "build" / "report", root)
    assert tree(tmp_path / "out") == []


def test_a_folder_outside_the_project_is_allowed(root: Path, tmp_path: Path) -> None:
    with Store.open(tmp_path / "reports" / "one", root, REDACTOR) as store:
        store.publish({"report.json": b"{}\n"})
    assert (tmp_path / "reports" / "one" / "report.json").read_bytes() == b"{}\n"
    assert tree(root) == []


@pytest.mark.parametrize("place", [".", "..", "sub/.."])
def test_the_project_itself_is_no_report_folder(root: Path, place: str) -> None:
    (root / ".gitignore").write_text("mine\n")
    assert "holds the project itself" in refusal(Path(place), root)
    assert (root / ".gitignore").read_text() == "mine\n"


def test_a_folder_with_other_things_in_it_is_refused(root: Path) -> None:
    (root / "app").mkdir()
    (root / "app" / "main.py").write_text("1\n")
    assert refusal(Path("app"), root) == (
        f"report-folder-refused: {root / 'app'}: not empty and not made by failhard, "
        "which removes old reports; name an empty folder with --report-dir"
    )
    assert tree(root) == ["app/main.py"]


def test_a_file_in_place_of_the_folder_is_refused(root: Path) -> None:
    (root / ".failhard").write_text("a file")
    assert "Not a directory" in refusal(HERE, root)


def test_a_folder_that_cannot_be_written_is_refused_fo_113(root: Path) -> None:
    # Root writes everywhere but here, where nobody can make a folder.
    text = refusal(Path("/proc/failhard"), root)
    assert "/proc/failhard: " in text
    assert text.endswith(("name another one with --report-dir", "folder with --report-dir"))


def test_the_second_run_at_once_is_refused_fo_114(root: Path) -> None:
    with Store.open(HERE, root, REDACTOR) as store:
        text = refusal(HERE, root)
        assert text == (
            f"report-folder-locked: {root / '.failhard' / 'lock'}: process {os.getpid()} is at work on this "
            "tree; wait until it ends, or give this run a folder of its own with --report-dir"
        )
        store.publish({"report.json": b"{}\n"})
    with Store.open(HERE, root, REDACTOR) as store:
        assert store.notes == ()


def test_a_lock_of_another_live_process_is_respected_fo_114(root: Path) -> None:
    with subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE) as other:
        lock = {"pid": other.pid, "started": psutil.Process(other.pid).create_time()}
        (root / ".failhard").mkdir()
        (root / ".failhard" / "lock").write_text(json.dumps(lock))
        text = refusal(HERE, root)
        other.communicate(b"\n")
    assert f"process {other.pid} is at work" in text
    with Store.open(HERE, root, REDACTOR) as store:
        assert len(store.notes) == 1


@pytest.mark.parametrize("lock", ['{"pid": %d, "started": 1.0}', "", "no json", '{"pid": "x"}', "[]", "null"])
def test_a_stale_lock_is_taken_over_and_reported_fo_114(root: Path, lock: str) -> None:
    text = lock % os.getpid() if "%d" in lock else lock
    (root / ".failhard").mkdir()
    (root / ".failhard" / "lock").write_text(text)
    with Store.open(HERE, root, REDACTOR) as store:
        assert store.notes == (
            f"took over the stale lock of an earlier run that did not end well ({text or 'empty'})",
        )
        assert json.loads((root / ".failhard" / "lock").read_text())["pid"] == os.getpid()


def test_a_lock_that_is_a_symlink_is_refused(root: Path, tmp_path: Path) -> None:
    (root / ".failhard").mkdir()
    (root / ".failhard" / "lock").symlink_to(tmp_path / "elsewhere")
    assert refusal(HERE, root).startswith(f"cannot-write: {root / '.failhard'}: ")


def test_a_pipe_in_place_of_the_lock_does_not_hang(root: Path) -> None:
    (root / ".failhard").mkdir()
    os.mkfifo(root / ".failhard" / "lock")
    with Store.open(HERE, root, REDACTOR) as store:
        assert len(store.notes) == 1


def test_a_folder_replaced_during_the_run_is_noticed(root: Path, tmp_path: Path) -> None:
    with Store.open(HERE, root, REDACTOR) as store:
        (root / ".failhard").rename(root / "moved")
        (tmp_path / "out").mkdir()
        (root / ".failhard").symlink_to(tmp_path / "out")
        with pytest.raises(StoreError, match="report-folder-replaced"):
            store.publish({"report.json": b"{}\n"})
    assert tree(tmp_path / "out") == []


def test_a_folder_moved_away_during_the_run_is_noticed(root: Path) -> None:
    with Store.open(HERE, root, REDACTOR) as store:
        (root / ".failhard").rename(root / "moved")
        with pytest.raises(StoreError, match="report-folder-replaced"):
            store.publish({"report.json": b"{}\n"})
    assert tree(root / "moved") == [".gitignore"]


def test_without_a_temporary_folder_no_lock_stays(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    assert refusal(HERE, root) == (
        f"cannot-write: {tmp_path / 'absent'}: No such file or directory; "
        "free space in the temporary folder, or set TMPDIR to another"
    )
    assert tree(root) == [".failhard/.gitignore"]


def test_a_lock_whose_process_may_not_be_looked_at_is_respected(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(pid: int) -> psutil.Process:
        raise psutil.AccessDenied(pid)

    # Takes the look at others away: whoever runs the tests as root may look at every process.
    real = psutil.Process.create_time
    monkeypatch.setattr(
        psutil.Process,
        "create_time",
        lambda self: real(self) if self.pid == os.getpid() else refused(self.pid),
    )
    (root / ".failhard").mkdir()
    (root / ".failhard" / "lock").write_text('{"pid": 1, "started": 1.0}')
    assert "process 1 is at work on this tree" in refusal(HERE, root)


@pytest.fixture
def no_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the descriptors of folders away, as on Windows."""
    monkeypatch.setattr(folder, "BY_DESCRIPTOR", False)


@pytest.mark.usefixtures("no_descriptors")
def test_without_descriptors_the_same_files_are_left(root: Path) -> None:
    test_a_run_leaves_its_files_and_nothing_else(root)


@pytest.mark.usefixtures("no_descriptors")
def test_without_descriptors_a_replaced_folder_and_a_link_are_noticed(root: Path, tmp_path: Path) -> None:
    test_a_folder_replaced_during_the_run_is_noticed(root, tmp_path)
    with pytest.raises(OSError, match="is a symlink"):
        Folder.open(root / ".failhard")


def test_a_secret_is_seen_on_a_page_too_where_it_is_written_in_another_form(root: Path) -> None:
    redactor = Redactor((), ['p&ss"word<1>'])
    with (
        Store.open(HERE, root, redactor) as store,
        pytest.raises(StoreError, match=r"report\.html: secret-value left after rendering"),
    ):
        store.publish({"report.html": b"<p>p&amp;ss&#34;word&lt;1&gt;</p>", "report.json": b"{}"})


def test_a_secret_left_after_rendering_is_an_error_fo_115(root: Path) -> None:
    with Store.open(HERE, root, REDACTOR) as store:
        with pytest.raises(StoreError) as caught:
            store.publish({"report.xml": b"<a/>\n", "report.json": f'"{SECRET}"\n'.encode()})
        assert str(caught.value) == (
            f"redaction-failed: {root / '.failhard' / 'report.json'}: secret-value left after rendering; "
            "nothing was written. Remove the secret from what the gates print, or unset the variable"
        )
    assert tree(root / ".failhard") == [".gitignore"]


CONTACT = f"ada@example.com {SECRET}".encode()


def test_a_copy_of_evidence_stands_beside_the_report_with_its_contacts_and_no_secret(root: Path) -> None:
    with Store.open(HERE, root, REDACTOR) as store:
        kept = store.staging.keep("sbom", "sbom.cdx.json", CONTACT, has_contacts=True)
        store.publish({"report.json": b"{}\n"}, {kept.name: store.staging.kept("sbom", kept)})
    copied = (root / ".failhard" / "sbom.cdx.json").read_bytes()
    assert copied == b"ada@example.com [redacted:secret-value]"
    assert (root / ".failhard" / "evidence" / "sbom" / "sbom.cdx.json").read_bytes() == copied
    assert hashlib.sha256(copied).hexdigest() == kept.sha256


def test_evidence_that_changed_or_went_is_no_copy(tmp_path: Path) -> None:
    staging = Staging(tmp_path, REDACTOR)
    kept = staging.keep("sbom", "sbom.cdx.json", b"{}")
    (tmp_path / "sbom" / kept.name).write_bytes(b"[]")
    with pytest.raises(StoreError, match=r"evidence-changed: .*sbom\.cdx\.json: changed since it was kept"):
        staging.kept("sbom", kept)
    (tmp_path / "sbom" / kept.name).unlink()
    with pytest.raises(StoreError, match="cannot-write"):
        staging.kept("sbom", kept)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_fails_the_evidence_of_one_gate_fo_112(tmp_path: Path) -> None:
    staging = Staging(tmp_path, REDACTOR)
    with pytest.raises(StoreError) as caught:
        staging.keep("lint", "big.txt", b"x" * 4096)
    assert str(caught.value) == (
        f"cannot-write: {tmp_path / 'lint'}: File too large; "
        "free space in the temporary folder, or set TMPDIR to another"
    )
    assert tree(tmp_path) == []
    assert staging.keep("lint", "small.txt", b"x").name == "small.txt"


def test_a_full_disk_leaves_no_report_fo_112(root: Path, request: pytest.FixtureRequest) -> None:
    with Store.open(HERE, root, REDACTOR) as store:
        store.keep("lint", "a.txt", b"a")
        request.getfixturevalue("full_disk")
        with pytest.raises(StoreError, match=r"cannot-write: .*; free space on the disk, then run again"):
            store.publish({"report.json": b"{}\n" * 1000, "report.xml": b"<a/>\n"})
        assert tree(root / ".failhard") == [".gitignore", "lock"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..", "", ".hidden", "a\0b", "x" * 500, "ä b"]
)
def test_names_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    kept = Staging(tmp_path, REDACTOR).keep("run", name, b"data")
    assert (tmp_path / "run" / kept.name).read_bytes() == b"data"
    assert tree(tmp_path) == [f"run/{kept.name}"]


def test_equal_bytes_share_a_name_and_others_get_a_number(tmp_path: Path) -> None:
    staging = Staging(tmp_path, REDACTOR)
    names = [staging.keep("lint", "out.json", data).name for data in (b"1", b"2", b"1", b"3")]
    assert names == ["out.json", "out-2.json", "out.json", "out-3.json"]


def test_a_gate_folder_that_is_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging" / "lint").symlink_to(tmp_path / "out")
    with pytest.raises(StoreError):
        Staging(tmp_path / "staging", REDACTOR).keep("lint", "a", b"a")
    assert tree(tmp_path / "out") == []


def test_write_atomically_keeps_the_mode_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("old")
    path.chmod(0o600)
    write_atomically(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    assert tree(tmp_path) == ["pyproject.toml"]


@pytest.mark.usefixtures("full_disk")
def test_a_journal_grows_by_whole_lines_on_a_full_disk(tmp_path: Path) -> None:
    with opened(tmp_path, "history") as journal:
        journal.append([b"x" * 300])
        with pytest.raises(JournalError, match=r"history\.jsonl: File too large"):
            journal.append([b"y" * 300])
        journal.append([b"z" * 100])
        assert [line[:1] for _, _, line in journal.read()] == [b"x", b"z"]


@pytest.mark.usefixtures("full_disk")
def test_write_atomically_leaves_the_old_file_on_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("old")
    with pytest.raises(StoreError):
        write_atomically(path, b"x" * 4096)
    assert path.read_text() == "old"
    assert tree(tmp_path) == ["pyproject.toml"]


def test_write_atomically_does_not_follow_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="it is a symlink"):
        write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "real").read_text() == "old"
