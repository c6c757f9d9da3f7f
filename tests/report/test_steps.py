"""Attempts, what a person is to decide, decisions and quarantine: the same in every form of the report."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from pytest_failhard.model import Report
from pytest_failhard.remembered import Attempt, Decision, Quarantined, Stuck
from pytest_failhard.report import agent, document, html, markdown, steps, terminal
from tests.report.pages import parse
from tests.report.samples import BROKEN, FAILED, GREEN, REPORT

TRIED = tuple(
    Attempt(at=f"at {number}", commit="c0ffee" * 6 * (number % 2), why="x\x1b") for number in range(6)
)
DECIDED = Decision(
    gate="run",
    choice="continue",
    reason="the <cause> is known",
    owner="ana",
    at="then",
    expires=date(2026, 12, 1),
    ref="ISSUE-7",
)
FLAKY = Quarantined(
    id="a" * 12,
    kind="flaky_test",
    gate="tests",
    subject="tests/test_a.py::test_one",
    reason="its outcomes differ",
    owner="bea",
    since=date(2026, 11, 1),
    expires=date(2026, 12, 2),
)
TOLD = replace(
    REPORT,
    attempts={"coverage": 3, "types": 1, "run": 4},
    attempts_left={"coverage": 0, "types": 2, "run": 1},
    stuck=(Stuck(gate="coverage", why="3 attempts have not mended it", attempts=TRIED),),
    decisions=(DECIDED, replace(DECIDED, gate="lint", expires=None, ref="")),
    quarantined=(FLAKY,),
)
COMMAND = 'failhard decide coverage --choose CHOICE --reason "..." --owner NAME'
TEXT = f"""\
STUCK: coverage: 3 attempts have not mended it
  at 2: x
  at 3 c0ffeec0ffee: x
  at 4: x
  at 5 c0ffeec0ffee: x
  a person decides now: {COMMAND}
fix attempts so far: coverage 3 (none left), types 1 (2 left), this change 4 (1 left)
decided: this change: continue (ana, then, until 2026-12-01, ISSUE-7): the <cause> is known
decided: lint: continue (ana, then): the <cause> is known
quarantined, not passed: {"a" * 12} flaky_test tests/test_a.py::test_one (owner bea, until 2026-12-02): its outcomes differ
"""


def test_the_text_says_it_above_the_last_line() -> None:
    *_, above, last = terminal.render(TOLD).replace("\\x1b", "").rsplit("\n\n", 2)
    assert above + "\n" == TEXT
    assert last.startswith("failhard: error")


def test_a_report_without_a_past_has_nothing_of_it() -> None:
    assert list(steps.lines(REPORT)) == []
    # A first failure has no attempt behind it yet.
    assert list(steps.lines(replace(REPORT, attempts={"coverage": 0}, attempts_left={"coverage": 3}))) == []
    many = replace(REPORT, quarantined=(FLAKY,) * 12)
    assert list(steps.lines(many))[-1] == "and 2 more in quarantine: failhard quarantine ls"


def test_the_summary_says_it_and_takes_no_markup_from_it() -> None:
    lines = markdown.render(TOLD).decode().splitlines()
    assert "- STUCK: coverage: 3 attempts have not mended it" in lines
    assert any(line.startswith("  - a person decides now: failhard decide coverage") for line in lines)
    assert any(line.startswith(r"- decided: lint: continue \(ana, then\): the \<cause\>") for line in lines)


def read(report: Report) -> list[dict[str, object]]:
    return [json.loads(line) for line in agent.render(report).splitlines()]


def test_an_agent_that_is_stuck_is_told_to_stop_and_hand_over() -> None:
    head, *rest = read(TOLD)
    assert head["do"] == "stop: change nothing more, hand over to a person with what was tried"
    assert head["stuck"] == [
        {
            "gate": "coverage",
            "why": "3 attempts have not mended it",
            "tried": [f"at {number} x\x1b" for number in range(6)],
            "person_decides": COMMAND,
        }
    ]
    gates = {line["gate"]: line for line in rest if "verdict" in line}
    assert [gates["coverage"][key] for key in ("mend", "attempts", "attempts_left")] == ["stop", 3, 0]
    # One attempt is left in the whole run, so of the two at this gate one is none.
    assert [gates["types"][key] for key in ("mend", "attempts", "attempts_left")] == ["code", 1, 1]


def test_an_agent_is_told_how_often_it_may_try() -> None:
    head, *rest = read(replace(TOLD, stuck=()))
    assert "do" not in head
    assert "stuck" not in head
    assert {line["mend"] for line in rest if "verdict" in line} == {"code"}
    assert "attempts" not in read(REPORT)[1]
    outside = replace(REPORT, results=(replace(BROKEN, fixable="outside"),))
    assert read(outside)[1]["mend"] == "wait"
    whole = replace(TOLD, stuck=(Stuck(gate="run", why="10 attempts have not mended it"),))
    assert {line["mend"] for line in read(whole)[1:] if "verdict" in line} == {"stop"}


def test_the_page_says_it_where_it_is_seen_first() -> None:
    page = parse(html.render(TOLD))
    notice = page.one("header").all("p", class_="notice")[0]
    assert notice.words.startswith("Stuck: coverage: 3 attempts have not mended it")
    assert COMMAND in notice.words
    shown = page.one("section", id="run").words
    assert "Attempts at coverage 3, none left" in shown
    assert "Attempts at this change 4, 1 left" in shown
    assert (
        "Decision on this change continue, by ana, then, until 2026-12-01, ISSUE-7: the <cause> is known"
        in shown
    )
    assert f"Quarantined, not passed {FLAKY.id} flaky_test" in shown


def test_it_stands_in_the_volatile_part_and_moves_no_digest() -> None:
    built = document.build(TOLD)
    assert built.digest == document.build(REPORT).digest
    assert built.verdict == document.build(REPORT).verdict
    assert document.load(document.render(TOLD)) == built
    assert [each.gate for each in built.volatile.stuck] == ["coverage"]
    assert len(built.volatile.stuck[0].attempts) == len(TRIED)
    assert (built.volatile.attempts, built.volatile.attempts_left) == (TOLD.attempts, TOLD.attempts_left)
    assert built.volatile.decisions[0].expires == DECIDED.expires
    assert built.volatile.quarantined[0].owner == "bea"


def test_a_report_of_before_is_still_read() -> None:
    content = json.loads(document.render(GREEN))
    for name in ("attempts_left", "stuck", "quarantined"):
        del content["volatile"][name]
    assert document.load(json.dumps(content).encode()) == document.build(GREEN)
    assert FAILED.gate == "coverage"
