"""The report as SARIF 2.1.0, within the limits of what code scanning on GitHub takes in."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_failhard.model import Severity, Verdict
from pytest_failhard.report.rows import NO_FILE, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from pytest_failhard.model import Report
    from pytest_failhard.report.rows import Row

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
WORD = re.compile("[A-Za-z0-9]+")
MOST_RESULTS = 5000
"""Of a run so many are kept by GitHub; more than 25,000 are refused."""
MOST_BYTES = 10 * 1024 * 1024
"""Of a file, compressed: a larger one is refused, all of it."""
MOST_CHARACTERS = 1000
"""What of a message is shown there."""
FINGERPRINT = "failhard/v1"
LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}


def render(report: Report) -> bytes:
    """Return the bytes of `report.sarif`.

    What is waived is left out: GitHub opens an alert for a suppressed result too. A gate that could not judge
    is a result of its own, so that nothing looks clean that was never looked at.
    """
    found = rows(report)
    shown = found[:MOST_RESULTS]
    while True:
        data = _rendered(report, shown, len(found))
        if not shown or len(data) <= MOST_BYTES or len(gzip.compress(data)) <= MOST_BYTES:
            return data
        shown = shown[: len(shown) // 2]


def _rendered(report: Report, shown: list[Row], of: int) -> bytes:
    names = dict(sorted({row.rule: row.name for row in shown}.items()))
    index = {rule: number for number, rule in enumerate(names)}
    run: dict[str, JsonValue] = {
        "tool": {"driver": {"name": "failhard", "rules": [_rule(*each) for each in names.items()]}},
        "automationDetails": {"id": f"failhard/level-{report.level}/"},
        "columnKind": "utf16CodeUnits",
        "invocations": [{"executionSuccessful": report.verdict is not Verdict.ERROR}],
        "results": [_result(row, index) for row in shown],
        "properties": {
            "verdict": report.verdict.value,
            "level": report.level,
            "complete": report.complete,
            "results": f"{len(shown)} of {of} shown",
        },
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _rule(rule: str, name: str) -> JsonValue:
    words = name.replace("-", " ").replace("_", " ").strip() or rule or "a finding"
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in WORD.findall(name)),
        "shortDescription": {"text": words},
        # GitHub asks for both; a machine's page has no more to say than where to read on.
        "fullDescription": {"text": f"{words}: `failhard explain {rule}` says what is asked for, and why"},
        "help": {"text": f"failhard explain {rule}"},
    }


def _result(row: Row, index: Mapping[str, int]) -> JsonValue:
    text = f"{row.message}. Fix: {row.fix}" if row.fix else row.message
    place: dict[str, JsonValue] = {
        # Each name as it is, but for what an address cannot hold.
        "artifactLocation": {"uri": quote(row.path.encode("utf-8", "surrogateescape")) or NO_FILE}
    }
    place["region"] = {"startLine": max(row.line, 1)}
    return {
        "ruleId": row.rule,
        "ruleIndex": index[row.rule],
        "level": LEVELS[row.severity],
        "message": {"text": text[:MOST_CHARACTERS] or row.rule or "a finding"},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {FINGERPRINT: row.fingerprint},
        "properties": {"gate": row.gate, "severity": row.severity.name.lower()},
    }
