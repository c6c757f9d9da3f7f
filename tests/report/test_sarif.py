"""SARIF: the official schema, what GitHub takes in, and that nothing waived or unproven is lost or shown wrong."""

from __future__ import annotations

import functools
import gzip
import json
import random
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from pytest_failhard.model import Finding, Report, Result, Severity, Verdict
from pytest_failhard.report import sarif
from tests.report.samples import BROKEN, FAILED, GREEN, LONG_LINE, PASSED, REPORT, REPORTS
from tests.schemas import jsonschema
from tests.size import FULL

SCHEMA = Path(__file__).parent / "schemas" / "sarif-2.1.0.json"


@functools.cache
def validator() -> jsonschema.Draft4Validator:
    """Return what holds a document against the schema that OASIS publishes."""
    return jsonschema.Draft4Validator(json.loads(SCHEMA.read_text("utf-8")))


def rendered(report: Report) -> dict[str, Any]:
    """Return the one run of a rendered report, after the schema has seen all of it."""
    document = json.loads(sarif.render(report))
    validator().validate(document)
    [run] = document["runs"]
    return dict(run)


def finding(number: int, severity: Severity = Severity.HIGH) -> Finding:
    return replace(LONG_LINE, path=f"app/part {number}ä.py", severity=severity)


@settings(max_examples=15 if FULL else 6)
@given(REPORTS)
def test_every_report_is_valid_and_says_the_verdict(report: Report) -> None:
    run = rendered(report)

    assert run["properties"]["verdict"] == report.verdict.value
    assert run["invocations"][0]["executionSuccessful"] is (report.verdict is not Verdict.ERROR)


def test_a_finding_stands_where_it_is() -> None:
    result = replace(FAILED, findings=(replace(finding(1), line=7),))

    [found] = rendered(replace(GREEN, results=(result,)))["results"]

    assert found == {
        "ruleId": "E501",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "too long. Fix: ruff format"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "app/part%201%C3%A4.py"},
                    "region": {"startLine": 7},
                }
            }
        ],
        "partialFingerprints": {"failhard/v1": result.findings[0].fingerprint},
        "properties": {"gate": "coverage", "severity": "high"},
    }


def test_what_is_waived_is_left_out_fo_138() -> None:
    assert PASSED.waived
    assert rendered(replace(GREEN, results=(PASSED,)))["results"] == []


def test_a_gate_that_could_not_judge_is_shown_fo_21() -> None:
    [found] = rendered(replace(REPORT, results=(BROKEN,)))["results"]

    assert found["ruleId"] == "not-proven/types"
    assert found["message"]["text"].startswith("types could not judge: tool-missing")
    assert found["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "pyproject.toml"}


def test_a_report_of_nothing_is_no_clean_one() -> None:
    [found] = rendered(replace(GREEN, results=()))["results"]

    assert found["ruleId"] == "not-proven/failhard"


def test_the_worst_are_kept_where_there_are_too_many_and_that_is_said() -> None:
    many = tuple(finding(number, Severity.LOW) for number in range(sarif.MOST_RESULTS))
    result = Result(gate="lint", verdict=Verdict.FAIL, because=("x",), findings=(*many, finding(-1)))

    document = json.loads(sarif.render(replace(GREEN, results=(result,))))

    [run] = document["runs"]
    assert len(run["results"]) == sarif.MOST_RESULTS
    assert run["results"][0]["level"] == "error"
    assert run["properties"]["results"] == "5000 of 5001 shown"


def test_what_is_too_large_even_compressed_has_fewer_results_the_worst_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sarif.MOST_BYTES == 10 << 20
    monkeypatch.setattr(sarif, "MOST_BYTES", 40_000)
    chance = random.Random(8)
    names = ["".join(chance.choices(string.ascii_letters, k=1000)) for _ in range(100)]
    many = tuple(replace(finding(0, Severity.LOW), path=name, anchor=name) for name in names)
    result = Result(gate="lint", verdict=Verdict.FAIL, because=("x",), findings=(*many, finding(-1)))

    data = sarif.render(replace(GREEN, results=(result,)))

    [run] = json.loads(data)["runs"]
    assert len(gzip.compress(data)) <= sarif.MOST_BYTES
    assert run["properties"]["results"] == f"{len(run['results'])} of 101 shown"
    assert 0 < len(run["results"]) < 101
    assert run["results"][0]["level"] == "error"


@settings(max_examples=15 if FULL else 6)
@given(REPORTS)
def test_each_part_is_within_what_github_takes(report: Report) -> None:
    run = rendered(report)
    rules = run["tool"]["driver"]["rules"]

    assert len(rules) <= 25_000
    for rule in rules:
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == [
        each["ruleId"] for each in run["results"]
    ]
    for each in run["results"]:
        assert len(each["locations"]) == 1
        assert 1 <= len(each["message"]["text"]) <= sarif.MOST_CHARACTERS
    assert not any("tags" in rule.get("properties", {}) for rule in rules)
