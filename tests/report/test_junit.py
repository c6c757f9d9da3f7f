"""JUnit: the whole file, and what XML cannot hold."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from pytest_failhard.model import Result, Verdict
from pytest_failhard.report import junit
from tests.report.samples import BROKEN, FAILED, GREEN, PASSED, REPORT, uncovered

TEXT = """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites name="failhard" tests="3" failures="1" errors="1" skipped="0">
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
    assert root.attrib == {"name": "failhard", "tests": "1", "failures": "0", "errors": "1", "skipped": "0"}


def test_characters_that_xml_lacks_are_replaced() -> None:
    hostile = Result(gate="lint", verdict=Verdict.FAIL, because=("a\x00\x1b\ud800]]>&<b",))
    root = ET.fromstring(junit.render(replace(GREEN, results=(hostile,))))
    failure = root.find(".//failure")
    assert failure is not None
    assert (
        failure.attrib["message"]
        == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}]]>&<b"
    )
