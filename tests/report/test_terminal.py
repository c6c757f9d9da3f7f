"""The text for a person, whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_failhard.model import Finding, Result, Verdict
from pytest_failhard.redact import Redactor, shipped
from pytest_failhard.report import terminal
from tests.report.samples import BROKEN, FAILED, GREEN, PASSED, REPORT, uncovered

RED_TEXT = """\
failhard level 3, policy pre-production abababababab
shop 1.0, commit c0ffeec0ffee with uncommitted changes, mode supervised

types: error
  tool-missing: mypy is not installed
  ways out:
    - remove the cause named above (recommended)
    - an error cannot be waived

coverage: fail
  line_percent 79.99 < 80
  branch_percent 10 < 20
  app/part0.py uncovered-file 40 of 50 lines are not run: 3-9, 14
  app/part1.py uncovered-file 39 of 50 lines are not run: 3-9, 14
  app/part2.py uncovered-file 38 of 50 lines are not run: 3-9, 14
  app/part3.py uncovered-file 37 of 50 lines are not run: 3-9, 14
  app/part4.py uncovered-file 36 of 50 lines are not run: 3-9, 14
  app/part5.py uncovered-file 35 of 50 lines are not run: 3-9, 14
  app/part6.py uncovered-file 34 of 50 lines are not run: 3-9, 14
  app/part7.py uncovered-file 33 of 50 lines are not run: 3-9, 14
  app/part8.py uncovered-file 32 of 50 lines are not run: 3-9, 14
  app/part9.py uncovered-file 31 of 50 lines are not run: 3-9, 14
    fix: add tests
  and 2 more in .failhard/report.json
  ways out:
    - fix: add tests (recommended)
    - read why: failhard explain coverage
  evidence: .failhard/evidence/coverage/coverage.json

types     error  tool-missing: mypy is not installed
          next: remove the cause named above
coverage  fail   line_percent 79.99 < 80 (and 1 more)
          next: add tests
lint      pass   no finding at medium or above stands, 12 examined [1 waived]

note: the waiver of lint E501 app/main.py expires on 2026-12-01 (owner jane)

failhard: error (1 error, 1 fail, 1 pass), report in .failhard/report.html"""
GREEN_TEXT = """\
failhard level 3, policy pre-production abababababab
shop 1.0, commit c0ffeec0ffee with uncommitted changes, mode supervised

lint  pass   no finding at medium or above stands, 12 examined [1 waived]

failhard: pass (0 error, 0 fail, 1 pass), report in .failhard/report.html"""


def test_the_whole_text_of_a_red_report() -> None:
    assert terminal.render(REPORT) == RED_TEXT


def test_the_whole_text_of_a_green_report() -> None:
    assert terminal.render(GREEN) == GREEN_TEXT


def test_what_is_marked_as_wrong_is_counted_apart() -> None:
    (lint,) = GREEN.results
    (accepted,) = lint.waived
    wrong = replace(accepted, waiver=replace(accepted.waiver, kind="false-positive"))
    for waived, said in (
        ((wrong,), "[1 marked as wrong]"),
        ((accepted, wrong), "[1 waived, 1 marked as wrong]"),
    ):
        report = replace(GREEN, results=(replace(lint, waived=waived),))
        assert f" examined {said}\n" in terminal.render(report)


@pytest.mark.parametrize(("count", "said"), [(1, "1 declared fallback"), (3, "3 declared fallbacks")])
def test_a_pass_with_declared_fallbacks_is_no_plain_pass(count: int, said: str) -> None:
    (lint,) = GREEN.results
    declaring = replace(lint, measures={**lint.measures, "declared_fallbacks": count})
    last = terminal.render(replace(GREEN, results=(declaring,))).splitlines()[-1]
    assert last == f"failhard: pass (0 error, 0 fail, 1 pass, {said}), report in .failhard/report.html"


def test_a_partial_report_says_so() -> None:
    partial = replace(GREEN, complete=False, settings={"gates_demanded": 5})
    assert terminal.render(partial, folder="out").splitlines()[-4:] == [
        "",
        "partial: 1 of 5 gates; `failhard verify` refuses a partial report",
        "",
        "failhard: pass (0 error, 0 fail, 1 pass, partial), report in out/report.html",
    ]


def test_where_no_report_was_written_none_is_named() -> None:
    many = replace(FAILED, findings=tuple(uncovered(number) for number in range(200)))
    text = terminal.render(replace(REPORT, results=(many,)), folder="")
    assert text.splitlines()[-1] == "failhard: fail (0 error, 1 fail, 0 pass), no report was written"
    assert "report.json" not in text
    assert "evidence: " not in text


def test_a_report_without_gates_is_an_error() -> None:
    lines = terminal.render(replace(GREEN, results=())).splitlines()
    assert lines[3] == "no gate was judged"
    assert lines[-1] == "failhard: error (0 error, 0 fail, 0 pass), report in .failhard/report.html"


def test_colour_only_when_asked() -> None:
    assert "\x1b" not in terminal.render(REPORT)
    painted = terminal.render(REPORT, colour=True)
    assert "failhard: \x1b[1;35merror\x1b[0m (" in painted
    assert "\x1b[1mcoverage\x1b[0m: \x1b[1;31mfail\x1b[0m\n" in painted
    assert "  app/part0.py \x1b[33muncovered-file\x1b[0m 40 of" in painted
    assert "    \x1b[1;36mfix:\x1b[0m add tests\n" in painted
    assert "\x1b[1;36mnext:\x1b[0m add tests\n" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == RED_TEXT


LONG = replace(
    FAILED,
    because=("3 findings at medium or above: E501 app/a.py:1 too long", "line_percent 79.99 < 80"),
    findings=(replace(uncovered(0), message="word " * 70, fix="add tests " * 20),),
)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_is_as_wide_as_it_is_and_each_gate_two_lines(width: int) -> None:
    report = replace(REPORT, results=(LONG, PASSED, BROKEN))
    lines = terminal.render(report, width=width).splitlines()
    table = lines[lines.index("", lines.index("coverage: fail")) + 1 :]
    assert [line.split()[0] for line in table[:5]] == ["types", "next:", "coverage", "next:", "lint"]
    assert max(map(len, table[:5])) <= max(width, terminal.MIN_ROOM + len("coverage  error  "))
    found = [line for line in lines if line.startswith(("  app/part0.py", "    word"))]
    assert len(found) == -(-sum(map(len, found)) // width)
    assert all(len(line) <= width for line in found)


def test_what_is_to_be_copied_and_what_a_tool_printed_is_not_broken() -> None:
    entry = f"waive with owner: {{gate: lint, rule: E501, reason: {'x ' * 60}}}"
    found = replace(FAILED, because=(f"a table\n{'| cell ' * 30}",), findings=(), options=(entry,))
    lines = terminal.render(replace(GREEN, results=(found,)), width=60).splitlines()
    assert f"    - {entry}" in lines
    assert f"  | {'| cell ' * 30}" in lines


def test_a_brief_text_leaves_the_details_to_pytest() -> None:
    lines = terminal.render(REPORT, brief=True).splitlines()
    assert lines[2:4] == ["", "types     error  tool-missing: mypy is not installed"]
    assert lines[3:] == RED_TEXT.splitlines()[-len(lines[3:]) :]


def test_of_a_message_without_end_the_beginning_is_shown() -> None:
    endless = replace(FAILED, findings=(replace(uncovered(0), message="x" * 9999),))
    shown = terminal.gate_text(endless).splitlines()[3]
    assert shown == f"  app/part0.py uncovered-file {'x' * terminal.MAX_MESSAGE} ..."


def test_of_counted_findings_the_table_names_the_first() -> None:
    lines = terminal.render(replace(REPORT, results=(LONG,))).splitlines()
    line = "coverage  fail   3 findings at medium or above, first E501 app/a.py:1 too long (and 1 more)"
    assert line in lines


def test_what_a_tool_printed_cannot_paint_the_terminal() -> None:
    hostile = Result(gate="lint", verdict=Verdict.FAIL, because=("a\x1b[2K\rfailhard: pass\nb\u202e",))
    lines = terminal.render(replace(GREEN, results=(hostile,))).splitlines()
    assert "  a\\x1b[2K failhard: pass" in lines
    assert "  | b\\u202e" in lines
    assert not any(line.startswith("failhard: pass") for line in lines)


def test_a_long_reason_is_cut_in_the_table_and_whole_below() -> None:
    reason = "word " * 40
    broken = replace(BROKEN, because=(reason.strip(),))
    lines = terminal.render(replace(GREEN, results=(broken,))).splitlines()
    assert f"types  error  {('word ' * 20)[:96].strip()} ..." in lines
    assert f"  {reason.strip()}" in lines


def test_one_gate_alone() -> None:
    assert terminal.gate_text(BROKEN) == (
        "types: error\n  tool-missing: mypy is not installed\n  ways out:\n"
        "    - remove the cause named above (recommended)\n    - an error cannot be waived"
    )
    assert (
        terminal.gate_text(FAILED, folder="out").splitlines()[-1]
        == "  evidence: out/evidence/coverage/coverage.json"
    )
    assert terminal.gate_text(PASSED).startswith("lint: pass\n")


def test_a_redacted_report_is_the_same_report_without_its_secrets() -> None:
    address = "jane" + "@example.org"
    named = replace(REPORT, notes=(f"owner {address}",), host=f"{address} here")
    cleaned = Redactor(shipped()).value(named)
    assert cleaned == replace(
        REPORT, notes=("owner [redacted:email-address]",), host="[redacted:email-address] here"
    )


def test_findings_that_are_listed_are_not_named_twice() -> None:
    reason = "3 findings at medium or above: E501 app/a.py:1 too long; E501 app/b.py:2 too long; and 1 more"
    text = terminal.gate_text(replace(BROKEN, because=(reason,)))
    assert text.splitlines()[1] == "  3 findings at medium or above:"


def failed_by(findings: Sequence[Finding]) -> list[str]:
    """Return the lines on the findings of a gate that failed by them."""
    found = replace(FAILED, because=("many findings",), findings=tuple(findings), options=(), evidence=())
    return terminal.gate_text(found).splitlines()[2:]


def named(rule: str, number: int) -> Finding:
    return replace(uncovered(0), rule=rule, message=f"case {number}", fix=f"repair {rule}")


def test_every_rule_is_shown_with_two_places_and_how_many_more_there_are() -> None:
    many = [named("hang", number) for number in range(200)]
    assert failed_by([*many, named("leaked-key", 0), named("leaked-key", 1), named("vague-error", 0)]) == [
        "  app/part0.py hang case 0",
        "  app/part0.py hang case 1",
        "    fix: repair hang",
        "    and 198 more hang",
        "  app/part0.py leaked-key case 0",
        "  app/part0.py leaked-key case 1",
        "    fix: repair leaked-key",
        "  app/part0.py vague-error case 0",
        "    fix: repair vague-error",
        "  and 198 more in .failhard/report.json",
    ]


@pytest.mark.parametrize("rules", [2, 7, 8, 12, 13, 36, 37, 80])
def test_however_many_rules_there_are_each_is_named_on_one_screen(rules: int) -> None:
    names = [f"rule-{number:02}" for number in range(rules)]
    lines = failed_by([named(name, number) for name in names for number in range(20)])
    assert [name for name in names if f" {name} " not in f"{' '.join(lines)} "] == []
    assert len(lines) <= 38


def test_of_many_rules_each_has_one_line_that_counts_the_others() -> None:
    lines = failed_by([named(f"rule-{number % 40:02}", number // 40) for number in range(41)])
    assert lines[:2] == ["  app/part0.py rule-00 case 0 (and 1 more)", "  app/part0.py rule-01 case 0"]
    assert lines[-2:] == [
        "  also rule-36 (1), rule-37 (1), rule-38 (1), rule-39 (1)",
        "  and 1 more in .failhard/report.json",
    ]
