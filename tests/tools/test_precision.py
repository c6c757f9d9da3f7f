"""The precision of the rules is counted from the verdict logs, and a log that cannot be counted is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.precision import Judged, LogError, Precision, by_rule, read, wilson


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


def log(folder: Path, *entries: dict[str, object]) -> Path:
    """Write a log into a folder."""
    (folder / "some.jsonl").write_text("".join(json.dumps(each) + "\n" for each in entries), "utf-8")
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
