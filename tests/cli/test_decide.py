"""`failhard decide`: a person's decision on one line, or all that is wrong with it, and nothing written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Answer

from pytest_failhard import history
from pytest_failhard.cli import main
from pytest_failhard.history import JudgedPart, RunLine

TODAY = datetime.now(UTC).date()
WHY = ("--reason", "the cause is known", "--owner", "ana")
WAIVERS = """\
schema: failhard-waivers/1
waivers:
  - gate: lint
    rule: F401
    path: app/main.py
    fingerprint: 3f1c9a0b7d2e4f56
    reason: It is imported for its effect.
    owner: ana
    ref: ISSUE-7
    expires: {day}
"""


def line(tree: str) -> bytes:
    return history.dumped(
        RunLine(
            at="2026-11-20T11:00:00+00:00",
            commit="",
            dirty=True,
            tree=tree * 64,
            packages="",
            level=2,
            policy="",
            rules={"lint": "abc", "probe": "def"},
            complete=False,
            verdict="fail",
            report="",
            gates={"lint": JudgedPart(verdict="fail", fingerprint=tree, why="found")},
        )
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in which `lint` failed over three trees."""
    (tmp_path / ".failhard").mkdir()
    (tmp_path / ".failhard" / "history.jsonl").write_bytes(b"".join(line(tree) + b"\n" for tree in "abc"))
    return tmp_path


def decide(root: Path, gate: str, *options: str) -> Answer:
    return CliRunner().invoke(main, ["decide", gate, str(root), *options])


def stored(root: Path) -> bytes:
    return (root / ".failhard" / "history.jsonl").read_bytes()


def test_a_decision_is_a_line_more_and_is_listed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2hunter2")
    before = stored(root)
    assert CliRunner().invoke(main, ["decide", "--list", str(root)]).output == "nothing was decided yet\n"
    end = TODAY + timedelta(days=9)
    reason = "the way round hunter2hunter2 was wrong"
    made = decide(
        root,
        "lint",
        *("--choose", "change-approach", "--reason", reason, "--owner", "ana", "--ref", "ISSUE-7"),
        *("--expires", str(end)),
    )
    assert made.exit_code == 0, made.output
    assert made.output.endswith("2 attempts so far, counted from 0 now\n")
    assert stored(root).startswith(before)
    written = json.loads(stored(root).splitlines()[-1])
    assert written["reason"] == "the way round [redacted:secret-value] was wrong"
    assert (written["kind"], written["gate"], written["attempts"]) == ("decision", "lint", 2)
    assert (written["expires"], written["ref"]) == (str(end), "ISSUE-7")
    listing = CliRunner().invoke(main, ["decide", "--list", str(root)])
    assert listing.exit_code == 0
    assert listing.output == (
        f"lint: change-approach (ana, {written['at']}, until {end}, ISSUE-7): {written['reason']}\n"
    )
    # A gate of a plugin is known from its runs; `run` is all of them.
    assert decide(root, "probe", "--choose", "stop", *WHY).exit_code == 0
    assert "this change: roll-back (ana" in decide(root, "run", "--choose", "roll-back", *WHY).output


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_written(root: Path) -> None:
    before = stored(root)
    refused = decide(root, "lnt", "--choose", "guess", "--owner", "bot", "--expires", "2026-13-01")
    assert refused.exit_code == 2
    assert [text.partition(" (")[0].partition(";")[0] for text in refused.output.splitlines()] == [
        "failhard: lnt: there is no such gate",
        "failhard: --choose guess: is no choice. Choose one of: continue: try again, with what is now known",
        "failhard: --reason: say why, in two words or more",
        "failhard: --owner: name the person who decides and can be asked",
        "failhard: --expires: must be a day to come, as YYYY-MM-DD",
    ]
    assert stored(root) == before


@pytest.mark.parametrize(
    "owner", ["", " ", "AI", "agent@example.org", "dependabot[bot]", "release-bot", "123", "me"]
)
def test_only_a_person_decides(root: Path, owner: str) -> None:
    refused = decide(root, "lint", "--choose", "continue", "--reason", "the cause is known", "--owner", owner)
    assert refused.exit_code == 2
    assert f"(it is {owner!r})" in refused.output


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--choose", "lower-level"), "no decision lowers a level"),
        (("--choose", "lower-threshold"), "thresholds are the policy's"),
        (("--choose", "skip"), "a gate is not skipped"),
        (
            ("--choose", "stop", "--expires", str(TODAY - timedelta(days=1))),
            "--expires: must be a day to come",
        ),
        (("--choose", "stop", "--ref", "x" * 201), "--ref: has more than 200 characters"),
        (("--choose", "waive"), "--ref : failhard-waivers.yaml has no waiver of lint"),
        (("--choose", "waive", "--ref", "ISSUE-8"), "write it first: failhard waive FINGERPRINT"),
    ],
)
def test_what_lowers_the_bar_or_rests_on_nothing_is_refused(
    root: Path, options: tuple[str, ...], reason: str
) -> None:
    (root / "failhard-waivers.yaml").write_text(WAIVERS.format(day=TODAY + timedelta(days=9)))
    before = stored(root)
    refused = decide(root, "lint", *options, *WHY)
    assert (refused.exit_code, reason in refused.output) == (2, True), refused.output
    assert stored(root) == before


@pytest.mark.parametrize("ref", ["ISSUE-7", "3f1c9a0b7d2e4f56"])
def test_what_is_waived_may_stand(root: Path, ref: str) -> None:
    asked = ("--choose", "waive", "--ref", ref, *WHY)
    assert decide(root, "lint", *asked).exit_code == 2
    (root / "failhard-waivers.yaml").write_text(WAIVERS.format(day=TODAY + timedelta(days=9)))
    assert decide(root, "lint", *asked).exit_code == 0
    assert "no waiver of types" in decide(root, "types", *asked).output
    (root / "failhard-waivers.yaml").write_text(WAIVERS.format(day="soon"))
    assert "expires" in decide(root, "lint", *asked).output


def test_where_nothing_ran_there_is_nothing_to_decide(tmp_path: Path) -> None:
    refused = decide(tmp_path, "lint", "--choose", "stop", *WHY)
    assert refused.exit_code == 2
    assert "run `failhard check` first" in refused.output
    assert decide(tmp_path, "lint").exit_code == 2


def test_lines_that_cannot_be_read_are_named_in_the_list(root: Path) -> None:
    (root / ".failhard" / "history.jsonl").write_bytes(b"nonsense\n")
    listing = CliRunner().invoke(main, ["decide", "--list", str(root)])
    assert listing.output.startswith("note: history.jsonl: line 1 is malformed (")
