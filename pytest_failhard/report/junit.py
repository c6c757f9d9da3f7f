"""The report as JUnit XML: one testcase a gate, class `failhard`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from pytest_failhard.model import Report, Result, Verdict

if TYPE_CHECKING:
    from pytest_failhard.model import Finding

# What XML 1.0 cannot hold, not even escaped.
NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> bytes:
    """Return the bytes of `report.xml`. A suite without a test case would count as green: it is an error."""
    cases = [_case(result, report) for result in report.results]
    if not cases:
        cases = [_empty()]
    verdicts = [result.verdict for result in report.results] or [Verdict.ERROR]
    counts = {
        "tests": str(len(cases)),
        "failures": str(verdicts.count(Verdict.FAIL)),
        "errors": str(verdicts.count(Verdict.ERROR)),
        "skipped": "0",
    }
    suite = ET.Element("testsuite", {"name": "failhard", **counts, "timestamp": _text(report.started_at)})
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("verdict", report.verdict.value),
        ("level", str(report.level)),
        ("policy", f"{report.policy_name} {report.policy_sha256}"),
        ("complete", str(report.complete).lower()),
    ):
        ET.SubElement(properties, "property", {"name": name, "value": _text(value)})
    suite.extend(cases)
    # The whole counts no skipped: Jenkins' schema has no such attribute there.
    root = ET.Element(
        "testsuites", {"name": "failhard", **{name: counts[name] for name in counts if name != "skipped"}}
    )
    root.append(suite)
    ET.indent(root, " ")
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _case(result: Result, report: Report) -> ET.Element:
    seconds = f"{report.seconds.get(result.gate, 0.0):.3f}"
    case = ET.Element("testcase", {"classname": "failhard", "name": _text(result.gate), "time": seconds})
    if result.verdict is not Verdict.PASS:
        kind = "failure" if result.verdict is Verdict.FAIL else "error"
        message = _text("; ".join(result.because))
        element = ET.SubElement(case, kind, {"message": message, "type": result.verdict.value})
        element.text = _text("\n".join((*map(_line, result.findings), *result.options)))
    return case


def _empty() -> ET.Element:
    case = ET.Element("testcase", {"classname": "failhard", "name": "failhard", "time": "0.000"})
    ET.SubElement(case, "error", {"message": "no gate was judged", "type": "error"})
    return case


def _line(finding: Finding) -> str:
    line = f":{finding.line}" if finding.line else ""
    place = f"{finding.path}{line} " if finding.path else ""
    return f"{place}{finding.rule} {finding.message} (fix: {finding.fix})"


def _text(text: str) -> str:
    return NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
