"""The gate over both examples, whole: the honest one stands, each laziness of the other is found by name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.config import load, merge_settings
from pytest_failhard.gates.llm import LlmGate
from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.model import Observation, Severity
from tests.size import in_full
from tests.support import GATES, gate_run, observe

EXAMPLES = Path(__file__).parents[3] / "examples"
LAZY = EXAMPLES / "triage_service_lazy"
LEVEL = 3
MOST_SECONDS = 600
NEEDS_QUIET = {"retry-storm"}
"""On a machine that is busy, retries without a pause come late enough to look like some with one."""


def judged(name: str, scratch: Path) -> Observation:
    """Return what the gate sees of an example at the level that it declares."""
    root = EXAMPLES / name
    rules = policy.load(LEVEL, GATES, today=date(2026, 11, 20)).rules
    rule = next(each for each in rules if each.gate == "llm")
    settings = merge_settings("llm", LlmSettings, rule, load(root, GATES).gates["llm"])
    gate = LlmGate()
    run = gate_run(
        root,
        gate,
        settings=settings,
        source=("triage",),
        tests=("tests",),
        level=LEVEL,
        scratch=scratch,
        seconds=MOST_SECONDS,
    )
    return observe(run, gate)


def planted() -> Iterator[dict[str, str]]:
    rows = tomllib.loads((LAZY / "docs" / "planted.toml").read_text("utf-8"))["planted"]
    yield from (row for row in rows if row["gate"] == "llm")


@in_full
def test_the_honest_example_has_no_finding_that_counts(tmp_path: Path) -> None:
    seen = judged("triage_service", tmp_path / "scratch")
    assert [each.message for each in seen.findings if each.severity >= Severity.MEDIUM] == []
    assert seen.measures["cases"] == seen.measures["cases_demanded"]
    assert seen.examined > 100


@in_full
def test_every_laziness_of_the_other_is_found_in_the_case_that_shows_it(tmp_path: Path) -> None:
    seen = judged("triage_service_lazy", tmp_path / "scratch")
    found = {(each.rule, each.message.partition(": ")[0]) for each in seen.findings}
    assert sorted({(row["rule"], row["case"]) for row in planted()} - found) == []
    others = {each.rule for each in seen.findings if each.severity >= Severity.MEDIUM}
    assert others - {row["rule"] for row in planted()} <= NEEDS_QUIET


@pytest.mark.parametrize("row", list(planted()), ids=lambda row: f"{row['rule']}-{row['case']}")
def test_what_is_planted_stands_where_it_is_said_to(row: dict[str, str]) -> None:
    assert row["marker"] in (LAZY / row["file"]).read_text("utf-8")
