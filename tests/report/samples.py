"""One report of each colour, and strategies for random ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from hypothesis import strategies as st

from pytest_failhard.model import (
    Evidence,
    Finding,
    Observation,
    ProjectFacts,
    Report,
    Result,
    Severity,
    Verdict,
    Waived,
    Waiver,
)
from pytest_failhard.remembered import Attempt, Decision, Quarantined, Stuck

DAY = date(2026, 11, 20)


def uncovered(number: int) -> Finding:
    return Finding(
        rule="uncovered-file",
        name="uncovered-file",
        path=f"app/part{number}.py",
        line=0,
        severity=Severity.MEDIUM,
        message=f"{40 - number} of 50 lines are not run: 3-9, 14",
        fix="add tests",
    )


LONG_LINE = Finding(
    rule="E501",
    name="line-too-long",
    path="app/main.py",
    line=7,
    severity=Severity.LOW,
    message="too long",
    fix="ruff format",
)
WAIVER = Waiver(
    gate="lint",
    rule="E501",
    path="app/main.py",
    fingerprint=LONG_LINE.fingerprint,
    reason="a URL",
    owner="jane",
    expires=date(2026, 12, 1),
    value=Fraction(1, 3),
)
FAILED = Result(
    gate="coverage",
    verdict=Verdict.FAIL,
    because=("line_percent 79.99 < 80", "branch_percent 10 < 20"),
    tool="coverage 7.17.3",
    examined=1290,
    measures={"line_percent": Fraction(79999, 1000), "statements": 1290},
    findings=tuple(uncovered(number) for number in range(12)),
    options=("fix: add tests (recommended)", "read why: failhard explain coverage"),
    evidence=(
        Evidence(name="observation.json", sha256="b" * 64, media_type="application/json"),
        Evidence(name="coverage.json", sha256="a" * 64, media_type="application/json"),
    ),
    fixable="code",
)
PASSED = Result(
    gate="lint",
    verdict=Verdict.PASS,
    because=("no finding at medium or above stands, 12 examined",),
    tool="ruff 0.17.5",
    examined=12,
    waived=(Waived(finding=LONG_LINE, waiver=WAIVER),),
)
BROKEN = Result(
    gate="types",
    verdict=Verdict.ERROR,
    because=("tool-missing: mypy is not installed",),
    options=("remove the cause named above (recommended)", "an error cannot be waived"),
    fixable="code",
)
REPORT = Report(
    level=3,
    policy_name="pre-production",
    policy_sha256="ab" * 32,
    project=ProjectFacts(name="shop", version="1.0", commit="c0ffee" * 6, dirty=True),
    settings={"seed": 0, "mode": "supervised"},
    complete=True,
    results=(FAILED, PASSED, BROKEN),
    started_at="2026-11-20T11:00:00+00:00",
    judged_on=DAY,
    seconds={"coverage": 0.4},
    host="somewhere",
    notes=("the waiver of lint E501 app/main.py expires on 2026-12-01 (owner jane)",),
)
GREEN = replace(REPORT, results=(PASSED,), notes=())

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SEVERITIES = st.sampled_from(Severity)
FINDINGS = st.builds(
    Finding,
    rule=TEXT,
    name=TEXT,
    path=TEXT,
    line=st.integers(0, 10**6),
    severity=SEVERITIES,
    message=TEXT,
    fix=TEXT,
    anchor=TEXT,
)
EVIDENCE = st.builds(Evidence, name=TEXT, sha256=TEXT, media_type=TEXT)
NUMBERS = st.integers() | st.fractions()
MEASURES = st.dictionaries(TEXT, NUMBERS, max_size=4)
WAIVERS = st.builds(
    Waiver,
    gate=TEXT,
    rule=TEXT,
    path=TEXT,
    fingerprint=TEXT,
    reason=TEXT,
    owner=TEXT,
    expires=st.dates(),
    kind=TEXT,
    ref=TEXT,
    approved_by=TEXT,
    value=st.none() | NUMBERS,
)
OBSERVATIONS = st.builds(
    Observation,
    tool=TEXT,
    examined=st.integers(),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    measures=MEASURES,
    evidence=st.lists(EVIDENCE, max_size=3).map(tuple),
    applies=st.booleans(),
    allows=st.lists(WAIVERS, max_size=2).map(tuple),
)
RESULTS = st.builds(
    Result,
    gate=st.from_regex(r"[a-z]{1,9}", fullmatch=True),
    verdict=st.sampled_from(Verdict),
    because=st.lists(TEXT, max_size=3).map(tuple),
    tool=TEXT,
    examined=st.integers(0, 10**9),
    measures=MEASURES,
    baselined=st.lists(FINDINGS, max_size=2).map(tuple),
    findings=st.lists(FINDINGS, max_size=12).map(tuple),
    waived=st.lists(st.builds(Waived, finding=FINDINGS, waiver=WAIVERS), max_size=2).map(tuple),
    options=st.lists(TEXT, max_size=2).map(tuple),
    evidence=st.lists(EVIDENCE, max_size=2).map(tuple),
    applies=st.booleans(),
    fixable=st.sampled_from(["code", "waiver", "outside", ""]),
)
STUCK = st.builds(
    Stuck,
    gate=TEXT,
    why=TEXT,
    attempts=st.lists(st.builds(Attempt, at=TEXT, commit=TEXT, why=TEXT), max_size=2).map(tuple),
)
DECISIONS = st.builds(
    Decision,
    gate=TEXT,
    choice=TEXT,
    reason=TEXT,
    owner=TEXT,
    at=TEXT,
    expires=st.none() | st.dates(),
    ref=TEXT,
)
QUARANTINED = st.builds(
    Quarantined,
    id=TEXT,
    kind=TEXT,
    gate=TEXT,
    subject=TEXT,
    reason=TEXT,
    owner=TEXT,
    since=st.dates(),
    expires=st.dates(),
)
REPORTS = st.builds(
    Report,
    level=st.integers(1, 4),
    policy_name=TEXT,
    policy_sha256=TEXT,
    project=st.builds(ProjectFacts, name=TEXT, version=TEXT, commit=TEXT, dirty=st.booleans()),
    settings=st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT, max_size=3),
    complete=st.booleans(),
    results=st.lists(RESULTS, max_size=4, unique_by=lambda result: result.gate).map(tuple),
    started_at=TEXT,
    judged_on=st.dates(),
    seconds=st.dictionaries(TEXT, st.floats(0, 1e6), max_size=3),
    host=TEXT,
    notes=st.lists(TEXT, max_size=2).map(tuple),
    attempts=st.dictionaries(TEXT, st.integers(0, 99), max_size=2),
    attempts_left=st.dictionaries(TEXT, st.integers(0, 99), max_size=2),
    stuck=st.lists(STUCK, max_size=1).map(tuple),
    decisions=st.lists(DECISIONS, max_size=1).map(tuple),
    quarantined=st.lists(QUARANTINED, max_size=1).map(tuple),
)
