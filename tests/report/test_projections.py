"""Every projection of a report says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.model import Report
from pytest_failhard.report import RENDERERS, document, junit, render_all, terminal
from pytest_failhard.report.text import CONTROL
from tests.report.samples import REPORT, REPORTS
from tests.size import FULL


@settings(max_examples=30 if FULL else 10)
@given(REPORTS)
def test_all_projections_agree_on_the_verdict_fo_02(report: Report) -> None:
    word = report.verdict.value
    stored = json.loads(document.render(report))
    suite = ET.fromstring(junit.render(report)).find("testsuite")
    assert suite is not None
    assert stored["verdict"] == word
    assert terminal.render(report).splitlines()[-1].startswith(f"failhard: {word} (")
    kinds = {child.tag for case in suite.iter("testcase") for child in case}
    assert ("error" if "error" in kinds else "fail" if "failure" in kinds else "pass") == word
    assert int(suite.attrib["errors"]) == len(list(suite.iter("error")))
    assert int(suite.attrib["failures"]) == len(list(suite.iter("failure")))
    properties = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    assert properties["verdict"] == word


@settings(max_examples=30 if FULL else 10)
@given(REPORTS)
def test_all_projections_agree_on_each_gate_fo_02(report: Report) -> None:
    stored = {part["id"]: part["verdict"] for part in json.loads(document.render(report))["gates"]}
    assert stored == {result.gate: result.verdict.value for result in report.results}
    lines = terminal.render(report).splitlines()
    rows = [line.split()[:2] for line in lines]
    for result in report.results:
        assert [result.gate, result.verdict.value] in rows


@settings(max_examples=30 if FULL else 10)
@given(REPORTS)
def test_no_control_character_reaches_the_terminal(report: Report) -> None:
    text = terminal.render(report)
    assert CONTROL.search(text.replace("\n", "")) is None
    assert "\x1b" in terminal.render(report, colour=True)


@given(st.permutations(sorted(RENDERERS)))
def test_rendering_is_pure(names: list[str]) -> None:
    first = render_all(REPORT)
    assert {name: RENDERERS[name](replace(REPORT)) for name in names} == first
