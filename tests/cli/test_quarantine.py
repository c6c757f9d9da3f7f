"""`failhard quarantine`: what is not relied on, one by one, and out again by its id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Answer

from pytest_failhard import history
from pytest_failhard.cli import main
from pytest_failhard.quarantine import Entry, Kind

TODAY = datetime.now(UTC).date()
BROKEN = b'{"id": 1}\n'


def entry(name: str, kind: Kind, subject: str, days: int = 9) -> Entry:
    return Entry(
        id=name * 12,
        kind=kind,
        gate="tests",
        subject=subject,
        reason="its outcomes differ within one run",
        owner="ana",
        since=TODAY - timedelta(days=20),
        expires=TODAY + timedelta(days=days),
        report="c" * 64,
        excerpt="assert 1 == 2\nagain",
    )


FLAKY = entry("a", "flaky_test", "tests/test_a.py::test_one")
TIMED = entry("b", "timeout", "ask\x1b[31m", days=-1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".failhard").mkdir()
    lines = b"".join(history.dumped(each) + b"\n" for each in (FLAKY, TIMED, FLAKY))
    (tmp_path / ".failhard" / "quarantine.jsonl").write_bytes(BROKEN + lines)
    return tmp_path


def run(name: str, root: Path, *arguments: str) -> Answer:
    return CliRunner().invoke(main, ["quarantine", name, *arguments, str(root)])


def test_entries_are_listed_with_owner_and_end_and_expired_ones_say_so(root: Path) -> None:
    answer = run("ls", root)
    assert answer.exit_code == 0
    first, second, note = answer.output.splitlines()
    assert first == (
        f"{FLAKY.id} flaky_test tests/test_a.py::test_one (owner ana, until {FLAKY.expires}): {FLAKY.reason}"
    )
    assert second.startswith(f"EXPIRED {TIMED.id} timeout ask")
    assert "\x1b" not in second
    assert note.startswith("note: quarantine.jsonl: line 1 is malformed (")


def test_one_is_shown_whole(root: Path) -> None:
    answer = run("show", root, FLAKY.id)
    assert answer.exit_code == 0
    shown = dict(line.split(": ", 1) for line in answer.output.splitlines())
    assert shown["report"] == "c" * 64
    assert shown["excerpt"].startswith("assert 1 == 2")
    assert {*shown} == {*Entry.model_fields} - {"form"}


def test_one_is_removed_and_all_else_stays_byte_for_byte(root: Path) -> None:
    answer = run("rm", root, FLAKY.id)
    assert answer.exit_code == 0
    assert answer.output.startswith(f"failhard: removed from quarantine: {FLAKY.id} flaky_test ")
    kept = (root / ".failhard" / "quarantine.jsonl").read_bytes()
    assert kept == BROKEN + history.dumped(TIMED) + b"\n"
    again = run("rm", root, FLAKY.id)
    assert (again.exit_code, again.output) == (
        2,
        f"failhard: {FLAKY.id}: there is no such entry; there are: {TIMED.id}\n",
    )
    assert (root / ".failhard" / "quarantine.jsonl").read_bytes() == kept


def test_without_a_run_or_an_entry_that_is_said(tmp_path: Path) -> None:
    assert run("ls", tmp_path).exit_code == 2
    (tmp_path / ".failhard").mkdir()
    assert run("ls", tmp_path).output == "nothing is in quarantine\n"
    assert run("show", tmp_path, "x").output == "failhard: x: there is no such entry; there are: none\n"
