"""JUnit: the whole file, the schema of Jenkins, and what XML cannot hold."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from hypothesis import given, settings

from pytest_failhard.model import Report, Result, Verdict
from pytest_failhard.report import junit
from tests.report.samples import BROKEN, FAILED, GREEN, PASSED, REPORT, REPORTS, uncovered
from tests.size import FULL

SCHEMA = Path(__file__).parent / "schemas" / "junit-10.xsd"
"""That of Jenkins, as pytest holds its own files against it; its licence stands in it."""

TEXT = """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites name="failhard" tests="3" failures="1" errors="1">
 <testsuite name="failhard" tests="3" failures="1" errors="1" skipped="0" timestamp="2026-11-20T11:00:00+00:00">
  <properties>
   <property name="verdict" value="error" />
   <property name="level" value="3" />
   <property name="policy" value="pre-production abababababababababababababababababababababababababababababababab" />
   <property name="complete" value="true" />
  </properties>
  <testcase classname="failhard" name="coverage" time="0.400">
   <failure message="line_percent 79.99 &lt; 80; branch_percent 10 &lt; 20" type="fail">app/part0.py \
uncovered-file 40 of 50 lines are not run: 3-9, 14 (fix: add tests)
fix: add tests (recommended)
read why: failhard explain coverage</failure>
  </testcase>
  <testcase classname="failhard" name="lint" time="0.000" />
  <testcase classname="failhard" name="types" time="0.000">
   <error message="tool-missing: mypy is not installed" type="error">remove the cause named above (recommended)
an error cannot be waived</error>
  </testcase>
 </testsuite>
</testsuites>
"""


def test_the_whole_file() -> None:
    short = replace(FAILED, findings=(uncovered(0),))
    assert junit.render(replace(REPORT, results=(short, PASSED, BROKEN))).decode() == TEXT


def test_a_report_without_gates_is_an_error() -> None:
    root = ET.fromstring(junit.render(replace(GREEN, results=())))
    assert root.attrib == {"name": "failhard", "tests": "1", "failures": "0", "errors": "1"}


def test_characters_that_xml_lacks_are_replaced() -> None:
    hostile = Result(gate="lint", verdict=Verdict.FAIL, because=("a\x00\x1b\ud800]]>&<b",))
    root = ET.fromstring(junit.render(replace(GREEN, results=(hostile,))))
    failure = root.find(".//failure")
    assert failure is not None
    assert (
        failure.attrib["message"]
        == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}]]>&<b"
    )


def mistakes(data: bytes) -> list[str]:
    """Return what the schema says against a file."""
    etree = importlib.import_module("lxml.etree")
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    schema.validate(etree.fromstring(data))
    return [str(error.message) for error in schema.error_log]


@settings(max_examples=15 if FULL else 6)
@given(REPORTS)
def test_any_report_is_valid_for_jenkins(report: Report) -> None:
    assert mistakes(junit.render(report)) == []


def test_the_schema_is_asked() -> None:
    long = replace(REPORT, seconds={"coverage": 12345.6789})
    assert mistakes(junit.render(long)) == []
    (said,) = mistakes(junit.render(REPORT).replace(b"<failure", b"<failed").replace(b"failure>", b"failed>"))
    assert "failed" in said
