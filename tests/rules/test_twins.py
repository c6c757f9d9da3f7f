"""The lazy twin is caught in each defect that is planted in its source, the good one is clean at level 4."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pytest_failhard.rules.findings import Settled, settle
from pytest_failhard.rules.scan import scan_project
from tests.rules.test_severities import table

EXAMPLES = Path(__file__).parents[2] / "examples"
LAZY = EXAMPLES / "triage_service_lazy"
PLANTED = tomllib.loads((LAZY / "docs" / "planted.toml").read_text("utf-8"))["planted"]
NEAR = 8
COMPARED = {"FH701", "FH702", "FH707", "FH708", "FH710", "FH711", "FH712"}
"""Rules that need more than the scan: tests/gates/test_integrity.py looks at the whole gate."""


def settled(root: Path, gate: str) -> Settled:
    """Return what the rules of a gate say of an example at level 4."""
    return settle(scan_project(root, ("triage",), ("tests",)), gate, table(4, gate), {})


def planted(gate: str) -> list[dict[str, str]]:
    """Return the planted defects that a gate's rules must find."""
    return [
        each
        for each in PLANTED
        if each["gate"] == gate and each["rule"].startswith("FH") and each["rule"][:5] not in COMPARED
    ]


@pytest.mark.parametrize(
    ("gate", "defect"),
    [
        pytest.param(gate, each, id=f"{each['rule']}-{number}")
        for gate in ("fallbacks", "tests", "integrity")
        for number, each in enumerate(planted(gate))
    ],
)
def test_a_planted_defect_is_found(gate: str, defect: dict[str, str]) -> None:
    text = (LAZY / defect["file"]).read_text("utf-8")
    marked = text[: text.index(defect["marker"])].count("\n") + 1
    lines = [
        hit.line
        for hit in settled(LAZY, gate).hits
        if hit.path == defect["file"] and defect["rule"] in {hit.rule, hit.code}
    ]
    # A function is named at its `def`, a handler at its `except`: a few lines from what stands in it.
    assert [line for line in lines if abs(line - marked) <= NEAR], f"expected near {marked}, found at {lines}"


@pytest.mark.parametrize("gate", ["fallbacks", "tests", "integrity"])
def test_the_good_twin_is_clean(gate: str) -> None:
    findings = settled(EXAMPLES / "triage_service", gate).findings
    assert [f"{each.rule} {each.path}:{each.line} {each.severity.name}" for each in findings] == []
