"""What is printed for whom: annotations within their limits, lines for a coding agent, text for a person."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.formats import GITHUB
from pytest_failhard.model import Finding, Report, Result, Severity, Verdict
from pytest_failhard.report import agent, printed, terminal, workflow_commands
from tests.report.samples import BROKEN, FAILED, GREEN, PASSED, REPORT, REPORTS, uncovered


def finding(number: int, severity: Severity) -> Finding:
    return replace(uncovered(0), path=f"app/a,b:{number}.py", line=number, severity=severity)


def failing(*findings: Finding) -> Report:
    return replace(
        GREEN, results=(Result(gate="lint", verdict=Verdict.FAIL, because=("x",), findings=findings),)
    )


class TestAnnotations:
    def test_a_command_is_one_line_with_its_place(self) -> None:
        report = failing(replace(finding(3, Severity.HIGH), message="50 % of\nit: a, b"))

        assert workflow_commands.render(report) == (
            "::error file=app/a%2Cb%3A3.py,line=3,title=failhard lint%3A uncovered-file"
            "::50 %25 of%0Ait: a, b (fix: add tests)"
        )

    def test_what_has_no_repair_and_no_file_is_shown_all_the_same(self) -> None:
        report = failing(replace(finding(0, Severity.LOW), path="", fix="", message="x"))

        shown = workflow_commands.render(report)
        assert shown == "::notice file=pyproject.toml,line=1,title=failhard lint%3A uncovered-file::x"

    def test_ten_of_a_kind_at_most_and_the_rest_is_counted_fo_139(self) -> None:
        many = [finding(n, severity) for n in range(30) for severity in Severity]

        lines = workflow_commands.render(failing(*many)).splitlines()

        kinds = [line[2:].split()[0] for line in lines]
        assert {kind: kinds.count(kind) for kind in kinds} == {"error": 10, "warning": 10, "notice": 10}
        assert lines[-1].endswith("::29 of 90 findings are annotated; the report has all of them")

    @given(st.text())
    def test_no_text_begins_a_command_of_its_own(self, hostile: str) -> None:
        hit = replace(finding(1, Severity.HIGH), message=hostile, path=hostile, fix=hostile)

        assert workflow_commands.render(failing(hit)).count("\n") == 0

    @given(st.sampled_from(["", " ", "\r", "a\n"]), st.sampled_from(["::error::x", "##[error]x"]))
    def test_the_text_before_them_holds_none(self, before: str, command: str) -> None:
        hit = replace(finding(1, Severity.HIGH), path=f"app/{before}{command}", message=f"{before}{command}")
        report = failing(hit)

        shown = printed(report, GITHUB)

        commands = workflow_commands.render(report).splitlines()
        lines = [line for line in shown.splitlines() if line.lstrip().startswith("::")]
        assert (lines, "##[" in shown.removesuffix("\n".join(commands))) == (commands, False)

    def test_nothing_wrong_is_no_line(self) -> None:
        assert workflow_commands.render(GREEN) == ""


class TestAgent:
    def test_each_line_is_a_document_and_the_first_is_the_verdict(self) -> None:
        report = replace(REPORT, results=(FAILED, PASSED, BROKEN))

        first, *lines = map(json.loads, agent.render(report).splitlines())

        assert (first["failhard"], first["level"], first["failing"]) == ("error", 3, ["coverage", "types"])
        assert first["never"] == list(agent.NEVER)
        assert lines[0] == {
            "gate": "types",
            "verdict": "error",
            "why": ["tool-missing: mypy is not installed"],
            "mend": "code",
            "check": "failhard check --level 3 --only types",
        }
        assert [line["gate"] for line in lines[1:]] == ["coverage"] * 13
        assert lines[2] == {
            "gate": "coverage",
            "rule": "uncovered-file",
            "at": "app/part0.py",
            "severity": "medium",
            "what": "40 of 50 lines are not run: 3-9, 14",
            "fix": "add tests",
            "explain": "failhard explain uncovered-file",
        }

    def test_what_somebody_else_must_mend_is_waited_for(self) -> None:
        outside = replace(BROKEN, fixable="outside")

        lines = agent.render(replace(REPORT, results=(outside,))).splitlines()

        assert json.loads(lines[1])["mend"] == "wait"

    def test_of_many_findings_the_first_are_given_and_the_rest_is_counted(self) -> None:
        report = failing(*(finding(number, Severity.HIGH) for number in range(agent.MOST_FINDINGS + 2)))

        lines = [json.loads(line) for line in agent.render(report).splitlines()]

        assert lines[2]["at"] == "app/a,b:0.py"
        assert lines[-1] == {"gate": "lint", "more": 2}

    def test_a_pass_is_one_short_line(self) -> None:
        text = agent.render(replace(GREEN, results=(PASSED,)))

        assert json.loads(text) == {"failhard": "pass", "level": GREEN.level, "complete": True, "failing": []}

    @settings(max_examples=20)
    @given(REPORTS)
    def test_every_line_can_be_read_by_a_machine(self, report: Report) -> None:
        assert json.loads(agent.render(report).splitlines()[0])["failhard"] == report.verdict.value


def test_each_form_is_what_it_is_called() -> None:
    assert printed(REPORT, "text") == terminal.render(REPORT)
    assert printed(REPORT, "agent") == agent.render(REPORT)
    github = printed(REPORT, "github")
    assert github.startswith(terminal.render(REPORT))
    assert "\n::error file=" in github
