"""Evidence for controls of the OSPS Baseline: real ids, of a clean pass alone, in every form of the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates import builtin
from pytest_failhard.model import Result, Verdict
from pytest_failhard.report import controls, document, html, markdown
from tests.report.samples import PASSED, REPORT

IDS = Path(__file__).parent / "schemas" / "osps-2026.02.19.txt"
"""Every assessment requirement of that version."""
SECRETS = Result(gate="secrets", verdict=Verdict.PASS, because=("no finding",), examined=3)
ID = "OSPS-BR-07.01"


def test_every_id_stands_in_the_version_that_is_named() -> None:
    known = set(IDS.read_text("utf-8").split())
    named = [each for entries in controls.known().values() for each in entries]
    assert [each.id for each in named if each.id not in known] == []
    assert {each.baseline for each in named} == {"OSPS 2026.02.19"}
    assert all(each.part for each in named)
    assert set(controls.known()) <= {gate.id for gate in builtin()}


def test_a_pass_is_evidence() -> None:
    found = controls.shown_by(SECRETS)
    assert [each.id for each in found] == [ID]
    assert "earlier commits are not searched" in found[0].part


@pytest.mark.parametrize(
    "result",
    [
        replace(SECRETS, verdict=Verdict.FAIL),
        replace(SECRETS, verdict=Verdict.ERROR),
        replace(SECRETS, applies=False),
        replace(SECRETS, waived=PASSED.waived),
        replace(SECRETS, baselined=tuple(each.finding for each in PASSED.waived)),
        replace(SECRETS, gate="lint"),
    ],
    ids=["fail", "error", "does not apply", "waived", "frozen", "no control"],
)
def test_anything_else_is_none(result: Result) -> None:
    assert PASSED.waived
    assert controls.shown_by(result) == ()
    report = replace(REPORT, results=(result,))
    assert document.build(report).gates[0].controls == ()
    assert ID not in html.render(report).decode()
    assert "OSPS" not in markdown.render(report).decode()


def test_every_form_of_the_report_names_control_version_and_part() -> None:
    report = replace(REPORT, results=(SECRETS, replace(SECRETS, gate="tests")))
    (part,) = document.build(report).gates[0].controls
    assert (part.id, part.baseline) == (ID, "OSPS 2026.02.19")
    page = html.render(report).decode()
    assert f"<dt>{ID}</dt><dd>{part.part}</dd>" in page
    assert "OSPS 2026.02.19" in page
    line = r"controls of OSPS 2026.02.19: OSPS\-BR\-07.01 (secrets), OSPS\-QA\-06.01 (tests)."
    assert line in markdown.render(report).decode()
