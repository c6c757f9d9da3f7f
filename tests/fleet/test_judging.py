"""What a worker says of a project, and that it believes nothing but a report that agrees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.fleet import summary
from pytest_failhard.fleet.judging import judge
from pytest_failhard.fleet.orders import Order, Outcome, own_version
from pytest_failhard.model import Verdict
from pytest_failhard.report import document as documents
from tests.fleet.projects import project
from tests.report.samples import REPORT
from tests.support import write

pytestmark = pytest.mark.usefixtures("children_unmeasured")

CHEAP = ("--only=integrity",)


def order(root: Path, *arguments: str) -> Order:
    return Order(
        project=str(root), token="t", arguments=arguments or CHEAP, timeout=100, version=own_version()
    )


def judged(asked: Order, *, first: bool = True) -> Outcome:
    return judge(asked, lambda _token: first)


def test_a_project_is_judged_in_a_process_of_its_own(tmp_path: Path) -> None:
    root = project(tmp_path / "one")

    outcome = judged(order(root))

    report = json.loads((root / ".failhard" / "report.json").read_bytes())
    assert (outcome.verdict, outcome.because, outcome.level) == (Verdict.PASS, (), 1)
    assert (outcome.complete, outcome.digest) == (False, report["digest"])
    assert (outcome.report, outcome.seconds > 0) == (str(root / ".failhard"), True)


def test_what_contradicts_itself_is_an_error(tmp_path: Path) -> None:
    """The report of a red run stands where that of a green one should."""
    root = project(tmp_path / "one")
    write(root, {".failhard/report.json": documents.render(REPORT)})

    forged = judged(order(root, *CHEAP, "--report-dir=elsewhere"))

    assert REPORT.verdict is not Verdict.PASS
    assert forged.verdict is Verdict.ERROR
    assert forged.because[0].endswith(f"says {REPORT.verdict.value}, and failhard check ended with 0")


def test_without_a_report_there_is_no_verdict(tmp_path: Path) -> None:
    outcome = judged(order(project(tmp_path / "one"), *CHEAP, "--report-dir=elsewhere"))

    assert outcome.verdict is Verdict.ERROR
    assert outcome.because[0].startswith("verdict-missing: ")


@pytest.mark.parametrize(
    ("change", "first", "because"),
    [
        (
            lambda asked: replace(asked, arguments=("--only=none",)),
            True,
            "not-judged: failhard check ended with 2: failhard: only: none",
        ),
        (lambda asked: replace(asked, project="/no/such/folder"), True, "not-judged: "),
        (lambda asked: replace(asked, timeout=0.0), True, "not-judged: .*still running"),
        (
            lambda asked: replace(asked, version="0.0"),
            True,
            "worker-differs: .* and 0.0 asks; install the same version",
        ),
        (lambda asked: asked, False, "worker-lost: "),
    ],
    ids=["usage", "nowhere", "timeout", "version", "lost"],
)
def test_what_cannot_be_judged_is_an_error(
    tmp_path: Path, change: Callable[[Order], Order], first: bool, because: str
) -> None:
    outcome = judged(change(order(project(tmp_path / "one"))), first=first)

    assert (outcome.verdict, outcome.complete) == (Verdict.ERROR, False)
    assert re.match(because, outcome.because[0])


OUTCOMES = (
    Outcome(project="b", verdict=Verdict.PASS, level=3, complete=True, seconds=2.5, worker="host"),
    Outcome(project="c", verdict=Verdict.FAIL, because=tuple("12345"), level=1, report="c/.failhard"),
    Outcome(project="a", verdict=Verdict.ERROR, because=("x\n\x1b[31m",)),
)


def test_the_worst_stands_first_and_the_counts_at_the_end() -> None:
    assert summary.text(OUTCOMES).splitlines() == [
        "error a",
        "      x \\x1b[31m",
        "fail  c (level 1, partial)",
        *("      1", "      2", "      3", "      and 2 more, see c/.failhard"),
        "pass  b (level 3)",
        "fleet: error (partial): 1 pass, 1 fail, 1 error of 3 projects",
    ]
    assert summary.text(()) == "fleet: error (partial): none of 0 projects"


def test_a_summary_keeps_what_varies_apart_and_tells_the_next_run_how_long_each_took() -> None:
    data = summary.document(OUTCOMES, started_at="2026-01-01T00:00:00+00:00")

    document = json.loads(data)
    assert [each["project"] for each in document["projects"]] == ["a", "c", "b"]
    assert (document["schema"], document["verdict"], document["complete"]) == (
        "failhard-fleet/1",
        "error",
        False,
    )
    assert document["volatile"]["workers"] == {"b": "host"}
    assert summary.durations(data) == {"a": 0.0, "b": 2.5, "c": 0.0}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"volatile": {"seconds": 3}}'])
def test_of_any_other_file_nothing_is_known(data: bytes) -> None:
    assert summary.durations(data) == {}
