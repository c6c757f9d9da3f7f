"""The pages that are looked at: everything a page can show, one that passed, one of nothing, a huge one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict

from pytest_failhard.model import Finding, Report, Result, Severity, Verdict
from pytest_failhard.remembered import Attempt, Decision, Quarantined, Stuck
from pytest_failhard.report import html
from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.html.views import MAX_FINDINGS
from tests.report import measured
from tests.report.samples import BROKEN, DAY, FAILED, GREEN, PASSED, REPORT

Json = dict[str, object]


class Remembered(TypedDict):
    """The fields of a report that rest on earlier runs."""

    attempts: dict[str, int]
    attempts_left: dict[str, int]
    stuck: tuple[Stuck, ...]
    decisions: tuple[Decision, ...]
    quarantined: tuple[Quarantined, ...]


RULES = (
    ("FH101/const", "LLMClient.triage answers a constant whatever went wrong", "let the error through"),
    ("E501", "line too long (118 > 110)", "break the line"),
    ("attr-defined", 'Module "shop.orders" has no attribute "total"', "correct the code or its annotation"),
    ("S608", "possible SQL injection through a query built from strings", "pass the values as parameters"),
    (
        "leaked-key",
        "key[OPENAI_API_KEY] found in log, line 1; found in stdout, line 1",
        "log no request headers",
    ),
)
GATES = ("fallbacks", "lint", "types", "security", "llm")
SEVERITIES = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)
LINE = '    if order.total is None and fallback_total is not None: return {"total": fallback_total}  # line'


def pages() -> dict[str, bytes]:
    """Return the bytes of each page by name."""
    return {
        "everything": html.render(everything(), exhibits()),
        "passed": html.render(GREEN),
        "nothing": html.render(replace(GREEN, results=(), complete=False)),
        "many": html.render(many(MAX_FINDINGS), source(MAX_FINDINGS)),
        "few": html.render(many(MAX_FINDINGS // 100), source(MAX_FINDINGS // 100)),
    }


def found(number: int) -> Finding:
    """Return one of many findings: another place, rule and severity each time."""
    rule, message, fix = RULES[number % len(RULES)]
    return Finding(
        rule=rule,
        name=rule,
        path=f"shop/orders/part{number % 211:03}.py",
        line=3 + number % 300,
        severity=SEVERITIES[number % len(SEVERITIES)],
        message=f"{message}; case {number}",
        fix=fix,
        anchor=str(number),
    )


def many(count: int) -> Report:
    """Return a report with so many findings, the same number in each gate."""
    every = [found(number) for number in range(count)]
    results = tuple(
        Result(
            gate=gate,
            verdict=Verdict.FAIL,
            because=(f"{count // len(GATES)} findings at high: {every[place].message}",),
            tool="a tool 1.0",
            examined=211,
            findings=tuple(every[place :: len(GATES)]),
            options=(f"fix: {every[place].fix} (recommended)", f"read why: failhard explain {gate}"),
        )
        for place, gate in enumerate(GATES)
    )
    return replace(REPORT, results=results, notes=())


def source(count: int) -> Exhibits:
    """Return the lines around all these findings."""
    lines: dict[str, dict[int, str]] = {}
    for finding in map(found, range(count)):
        near = range(max(1, finding.line - 2), finding.line + 3)
        lines.setdefault(finding.path, {}).update({number: f"{LINE} {number}" for number in near})
    return Exhibits(source=lines)


def everything() -> Report:
    """Return a report with every verdict, findings of every severity, and a part for all evidence."""
    fallbacks = many(25).results[0]
    passed = tuple(
        Result(gate=gate, verdict=Verdict.PASS, because=(f"all is well, {number} examined",), examined=number)
        for number, gate in enumerate(("performance", "sbom", "licences", "llm"), 3)
    )
    idle = Result(gate="container", verdict=Verdict.PASS, because=("no Dockerfile",), applies=False)
    # More than stand in the page at once.
    long = replace(many(750).results[-1], gate="security")
    frozen = replace(PASSED, gate="integrity", waived=(), baselined=fallbacks.findings[:3])
    results = (FAILED, PASSED, BROKEN, fallbacks, *passed, frozen, idle, long)
    return replace(REPORT, complete=False, results=results, **_remembered())


def _remembered() -> Remembered:
    """Return what earlier runs left: a gate and a change that are stuck, decisions, a quarantine."""
    tried = tuple(
        Attempt(at=f"2026-11-20T10:0{number}:00+00:00", commit="c0ffee" * 6, why="line_percent 79.74 < 80")
        for number in range(3)
    )
    decided = Decision(
        gate="coverage",
        choice="accept-until",
        reason="the old importer goes with the next release",
        owner="jane",
        at="2026-11-20T10:30:00+00:00",
        expires=DAY,
        ref="SHOP-12",
    )
    flaky = Quarantined(
        id="a1b2c3d4e5f6",
        kind="flaky_test",
        gate="tests",
        subject="tests/test_orders.py::test_total[" + "x" * 90 + "]",
        reason="its outcomes differ",
        owner="jane",
        since=DAY,
        expires=DAY,
    )
    return {
        "attempts": {"coverage": 3, "run": 10},
        "attempts_left": {"coverage": 0, "run": 0},
        "stuck": (
            Stuck(gate="coverage", why="3 attempts have not mended it", attempts=tried),
            Stuck(gate="run", why="10 attempts have not mended it"),
        ),
        "decisions": (decided, replace(decided, gate="run", expires=None, ref="")),
        "quarantined": (flaky, replace(flaky, id="b" * 12, kind="timeout", gate="llm", subject="triage")),
    }


def exhibits() -> Exhibits:
    """Return evidence for every section, and source."""
    evidence = {**measured.performance().evidence, **_coverage(), **_attempts(), **_supply()}
    return Exhibits(
        evidence=evidence, source=source(25).source, left_out=("source of a.py: Permission denied",)
    )


def _coverage() -> Mapping[tuple[str, str], bytes]:
    files = {
        f"shop/orders/part{number}.py": {
            "statements": [*range(1, 40)],
            "missing_lines": [*range(3, 3 + number * 3), 38],
            "missing_branches": [[3, 4]] * number,
            "branches": 12,
            "changed_lines": [2, 3],
        }
        for number in range(12)
    }
    counts = {"line_percent": "260/468", "branch_percent": "78/144", "changed_line_percent": "13/24"}
    document: Json = {"counts": counts, "facts": {}, "files": files}
    return {("coverage", "coverage.json"): json.dumps(document).encode()}


def _attempts() -> Mapping[tuple[str, str], bytes]:
    records: list[Json] = []
    for case, pauses in (("rate_limit@triage", (0.0, 0.6, 1.3, 2.7)), ("auth@triage", (0.0,))):
        clock = 0.0
        for number, pause in enumerate(pauses, 1):
            clock += pause
            last = number == len(pauses)
            records.append(
                {
                    "case": f"openai-{case}",
                    "attempt": number,
                    "kind": "call",
                    "fault": "" if last else "rate_limit",
                    "status": 200 if last else 429,
                    "hint_seconds": 0.5 if number == 2 else None,
                    "volatile": {
                        "t_accept": clock,
                        "t_end": clock + 0.25,
                        "gap": pause if number > 1 else None,
                    },
                }
            )
            clock += 0.25
    ended: Json = {"attempts": len(records), "case": "x", "refusals": 0, "schema": "failhard-llm-ledger/1"}
    return {("llm", "attempts.jsonl"): measured.lines([*records, ended])}


def _supply() -> Mapping[tuple[str, str], bytes]:
    names = ("certifi", "click", "flask", "itsdangerous", "jinja2", "markupsafe", "werkzeug")
    components: list[Json] = [
        {"name": name, "version": f"3.{number}", "purl": f"pkg:pypi/{name}@3.{number}"}
        | (
            {"licenses": [{"license": {"id": "BSD-3-Clause"}}], "supplier": {"name": "Pallets"}}
            if number
            else {}
        )
        for number, name in enumerate(names)
    ]
    packages: list[Json] = [
        {"name": "click", "version": "3.1", "expression": "BSD-3-Clause", "source": "License-Expression"},
        {
            "name": "gplish",
            "expression": "GPL-3.0-only",
            "not_allowed": ["GPL-3.0-only"],
            "copyleft": ["GPL"],
        },
        {"name": "odd", "undetermined": "two texts", "clarification": {"owner": "jane"}},
    ]
    bill = {"bomFormat": "CycloneDX", "components": components}
    return {
        ("sbom", "sbom.cdx.json"): json.dumps(bill).encode(),
        ("licences", "licences.json"): json.dumps({"packages": packages}).encode(),
    }
