"""The precision of the rules is counted from the verdict logs, and a log that cannot be counted is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.precision import (
    SECOND,
    UNREAD,
    Agreement,
    Judged,
    LogError,
    Precision,
    agreement,
    agreements,
    as_drawn,
    by_rule,
    read,
    read_second,
    read_unread,
    wilson,
)


def entry(**changes: object) -> dict[str, object]:
    """Return one line of a log."""
    known: dict[str, object] = {
        "rule": "FH101",
        "sub": "true",
        "repo": "a/b",
        "commit": "0" * 40,
        "path": "x.py",
        "line": 3,
        "verdict": "harmful",
        "reason": "a failed check is a pass",
    }
    return known | changes


def log(folder: Path, *entries: dict[str, object], name: str = "some.jsonl") -> Path:
    """Write a log into a folder."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("".join(json.dumps(each) + "\n" for each in entries), "utf-8")
    return folder


def test_a_rule_and_its_form_are_counted(tmp_path: Path) -> None:
    judged = read(
        log(
            tmp_path,
            entry(),
            entry(line=4, verdict="policy"),
            entry(line=5, verdict="false"),
            entry(line=6, sub=""),
            entry(line=7, sub="", verdict="exempt"),
        )
    )
    assert isinstance(judged[0], Judged)
    assert by_rule(judged) == {
        "FH101": Precision(n=4, true=3, harmful=2, exempt=1),
        "FH101/true": Precision(n=3, true=2, harmful=1),
    }


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(6, 6, 0.61, 1.0), (2, 6, 0.10, 0.70), (47, 69, 0.56, 0.78), (0, 3, 0.0, 0.56), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_wilsons(hits: int, n: int, low: float, high: float) -> None:
    assert tuple(round(bound, 2) for bound in wilson(hits, n)) == (low, high)
    assert Precision(n=n, true=hits, harmful=0).interval == wilson(hits, n)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry(verdict="maybe")], "some.jsonl:1: needs exactly commit, line"),
        ([entry(), entry(extra=1)], "some.jsonl:2"),
        ([entry(), entry()], "a/b x.py:3: judged twice"),
    ],
)
def test_a_line_that_cannot_be_counted_is_refused(
    entries: list[dict[str, object]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(LogError, match=message):
        read(log(tmp_path, *entries))


def test_our_own_logs_can_be_counted() -> None:
    for each in by_rule(read()).values():
        assert each.n >= each.true >= each.harmful


def unread(**changes: object) -> dict[str, object]:
    """Return one line of a log of what was judged out of sample."""
    return entry(**{"repo": "c/d", "judge": "second", "sample": "unread", **changes})


def second(first: str, verdict: str, **changes: object) -> dict[str, object]:
    """Return one line of what two judges said."""
    said = {"verdict": verdict, "judge": "second", "first": first, "settled": first, "note": ""}
    return entry(**{**said, **changes})


def test_what_was_wrong_when_it_was_drawn_counts_out_of_sample(tmp_path: Path) -> None:
    log(tmp_path, entry())
    log(
        tmp_path,
        unread(),
        unread(line=4, verdict="exempt"),
        unread(line=5, verdict="false"),
        unread(line=6, sample="again"),
        name=f"{UNREAD}/some.jsonl",
    )
    judged = read_unread(tmp_path)
    assert as_drawn(judged)["FH101"] == Precision(n=3, true=1, harmful=1, exempt=1)
    assert as_drawn(judged, "again")["FH101"] == Precision(n=1, true=1, harmful=1)
    assert by_rule(read(tmp_path))["FH101"].n == 1


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(unread(repo="a/b"), id="a repository that was read before"),
        pytest.param(unread(sample="some"), id="a sample that nobody knows"),
    ],
)
def test_what_is_not_out_of_sample_is_refused(line: dict[str, object], tmp_path: Path) -> None:
    log(log(tmp_path, entry()), line, name=f"{UNREAD}/some.jsonl")
    with pytest.raises(LogError, match="is not out of sample"):
        read_unread(tmp_path)


def test_two_judges_agree_more_than_by_chance_or_not() -> None:
    # J. Cohen: 20 of 50 both yes, 15 both no, 5 and 10 apart: 0.70 observed, 0.50 by chance.
    first = ["yes"] * 25 + ["no"] * 25
    other = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = agreement(first, other)
    assert (found.n, found.share, round(found.kappa, 9)) == (50, 0.7, 0.4)
    assert agreement(["no"] * 3, ["no"] * 3) == Agreement(n=3, share=1.0, kappa=1.0)
    assert agreement([], []).n == 0


def test_judges_may_agree_that_it_is_right_and_not_how_bad_it_is(tmp_path: Path) -> None:
    log(
        tmp_path,
        second("harmful", "policy"),
        second("policy", "policy", line=4),
        second("false", "false", line=5),
        second("policy", "false", line=6, settled="false", note="the exemption applies"),
        name=SECOND,
    )
    found = agreements(read_second(tmp_path))
    assert found["right or wrong"] == Agreement(n=4, share=0.75, kappa=0.5)
    assert found["harmful, policy or false"].share == 0.5
    assert read(tmp_path) == []


def test_nobody_has_judged_a_second_time(tmp_path: Path) -> None:
    assert read_second(tmp_path) == []


def test_a_second_verdict_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=f"{SECOND}:1"):
        read_second(log(tmp_path, second("maybe", "false"), name=SECOND))


def test_our_own_second_verdicts_are_of_findings_that_the_logs_hold() -> None:
    known = {(each.rule, each.repo, each.path, each.line): each.verdict for each in read()}
    for each in read_second():
        assert known[each.rule, each.repo, each.path, each.line] == each.settled or not each.note
    for unread_one in as_drawn(read_unread()).values():
        assert unread_one.n >= unread_one.true >= unread_one.harmful
