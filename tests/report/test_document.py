"""The JSON document: its whole text, its digest, its schema, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

from pytest_failhard.model import Evidence, Report
from pytest_failhard.report import document
from pytest_failhard.report.document import DocumentError
from tests.report.samples import GREEN, REPORT, REPORTS
from tests.schemas import jsonschema
from tests.size import FULL

SCHEMA = Path(__file__).parents[2] / "docs" / "failhard-report-1.schema.json"
GREEN_TEXT = """\
{
  "schema": "failhard-report/1",
  "verdict": "pass",
  "complete": true,
  "level": 3,
  "policy": {
    "name": "pre-production",
    "sha256": "abababababababababababababababababababababababababababababababab"
  },
  "project": {
    "name": "shop",
    "version": "1.0",
    "commit": "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffee",
    "dirty": true
  },
  "settings": {
    "mode": "supervised",
    "seed": 0
  },
  "models": [],
  "gates": [
    {
      "id": "lint",
      "verdict": "pass",
      "because": [
        "no finding at medium or above stands, 12 examined"
      ],
      "tool": "ruff 0.17.5",
      "examined": 12,
      "measures": {},
      "applies": true,
      "findings": [],
      "waived": [
        {
          "finding": {
            "rule": "E501",
            "name": "line-too-long",
            "path": "app/main.py",
            "line": 7,
            "severity": "low",
            "message": "too long",
            "fix": "ruff format",
            "fingerprint": "FINGERPRINT"
          },
          "waiver": {
            "rule": "E501",
            "path": "app/main.py",
            "fingerprint": "FINGERPRINT",
            "reason": "a URL",
            "owner": "jane",
            "expires": "2026-12-01",
            "kind": "accepted-risk",
            "ref": "",
            "approved_by": "",
            "value": "1/3",
            "until_fixed": false
          }
        }
      ],
      "baselined": [],
      "options": [],
      "fixable": "",
      "evidence": [],
      "controls": []
    }
  ],
  "digest": "DIGEST",
  "volatile": {
    "started_at": "2026-11-20T11:00:00+00:00",
    "seconds": {
      "coverage": 0.4
    },
    "host": "somewhere",
    "measures": {},
    "attempts": {},
    "attempts_left": {},
    "stuck": [],
    "decisions": [],
    "quarantined": [],
    "judged_on": "2026-11-20",
    "notes": [],
    "evidence": {},
    "reused": [],
    "migrated": [],
    "flow": null
  }
}
"""


def test_the_whole_text() -> None:
    text = document.render(GREEN).decode()
    built = document.build(GREEN)
    fingerprint = GREEN.results[0].waived[0].finding.fingerprint
    assert text == GREEN_TEXT.replace("FINGERPRINT", fingerprint).replace("DIGEST", built.digest)


@settings(max_examples=30 if FULL else 10)
@given(REPORTS)
def test_what_was_rendered_is_read_back_with_its_digest(report: Report) -> None:
    stored = document.load(document.render(report))
    assert stored == document.build(report)
    assert document.digest(stored) == stored.digest


def test_the_digest_covers_all_but_the_volatile_part() -> None:
    first = document.build(REPORT).digest
    assert (
        document.build(replace(REPORT, host="elsewhere", seconds={}, notes=(), started_at="")).digest == first
    )
    assert document.build(replace(REPORT, level=2)).digest != first
    assert document.build(replace(REPORT, results=REPORT.results[:-1])).digest != first


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("line_percent", Fraction(79999, 1000), 79.99),
        ("line_percent", Fraction(80), 80.0),
        ("success_rate", Fraction(999999, 1000000), 0.99),
        ("worst_ratio", Fraction(1000001, 1000000), 1.01),
        ("findings_per_kloc", Fraction(1, 3), 0.34),
        ("statements", 1290, 1290),
    ],
)
def test_measures_are_rounded_towards_the_failing_side(
    name: str, value: int | Fraction, shown: float
) -> None:
    assert document.figure(name, value) == shown


def test_the_published_schema_is_the_one_of_the_types() -> None:
    assert SCHEMA.read_bytes() == document.schema_bytes(), (
        f"write document.schema_bytes() to {SCHEMA.name}: the types have changed"
    )


@settings(max_examples=15 if FULL else 6, deadline=None)
@given(REPORTS)
def test_any_report_is_valid_against_the_published_schema(report: Report) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    written = json.loads(document.render(report))
    validator.validate(written)
    assert not validator.is_valid(written | {"verdict": "skip"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"level": 3', '"level": "3"', "level: Input should be a valid integer"),
        ('"level": 3', '"level": 3, "level": 1', "no JSON: repeated key level"),
        ('"level": 3', '"levle": 3', "level: Field required; levle: Extra inputs are not permitted"),
        ("failhard-report/1", "failhard-report/2", "schema: Input should be 'failhard-report/1'"),
        ('"verdict": "pass"', '"verdict": "skip"', "verdict: Input should be 'pass', 'fail' or 'error'"),
        ('"value": "1/3"', '"value": "1/0"', "neither a whole number nor a fraction"),
        ("{\n", "", "no JSON: Extra data"),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    text = document.render(GREEN).decode().replace(old, new, 1)
    with pytest.raises(DocumentError) as caught:
        document.load(text.encode())
    assert message in str(caught.value)


def test_the_schema_names_every_key() -> None:
    # The schema is a table of tables.
    assert list(json.loads(document.render(REPORT))) == list(document.json_schema()["properties"])  # type: ignore[arg-type]


def test_evidence_with_times_stands_apart() -> None:
    timed = Evidence(name="attempts.jsonl", sha256="0" * 64, media_type="application/json", volatile=True)
    result = replace(GREEN.results[0], evidence=(*GREEN.results[0].evidence, timed))
    built = document.build(replace(GREEN, results=(result,)))
    assert built.digest == document.build(GREEN).digest
    assert [each.name for each in built.volatile.evidence[result.gate]] == ["attempts.jsonl"]
