"""The report as Markdown for the summary of a CI job: the verdict, a table of gates, the worst findings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_failhard.model import Verdict
from pytest_failhard.report import controls, steps
from pytest_failhard.report.rows import rows
from pytest_failhard.report.sections import sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_failhard.model import Report, Result
    from pytest_failhard.report.rows import Row

MOST_BYTES = 1024 * 1024
"""A summary above one mebibyte is dropped by GitHub, all of it."""
MOST_ROWS = 100
MOST_GATES = 20
"""Of one line."""
MOST_CHARACTERS = 400
"""Of one cell."""
SIGNS = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.ERROR: "⚠️"}
ORDER = (Verdict.ERROR, Verdict.FAIL, Verdict.PASS)
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&-])")
"""What Markdown, its tables, mentions and HTML make something of."""
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def render(report: Report) -> bytes:
    """Return the bytes of `report.md`, cut between rows where they would be too many."""
    found = rows(report)
    shown = min(len(found), MOST_ROWS)
    while True:
        data = "\n".join(_lines(report, found, shown)).encode("utf-8", "backslashreplace") + b"\n"
        if len(data) <= MOST_BYTES or shown == 0:
            return data
        shown //= 2


def _lines(report: Report, found: list[Row], shown: int) -> Iterator[str]:
    yield f"## {SIGNS[report.verdict]} failhard: {report.verdict.value}"
    yield ""
    policy = f"{report.policy_name} {report.policy_sha256[:12]}"
    yield _cell(f"level {report.level}, policy {policy}, {_project(report)}")
    if not report.complete:
        yield ""
        yield f"**Partial:** {len(report.results)} gates; `failhard verify` refuses a partial report."
    yield ""
    yield "| gate | verdict | why |"
    yield "|---|---|---|"
    for result in sorted(report.results, key=lambda each: ORDER.index(each.verdict)):
        yield f"| {_cell(result.gate)} | {SIGNS[result.verdict]} {result.verdict.value} | {_why(result)} |"
    yield from _steps(report)
    yield from _table(found[:shown], len(found))
    yield from _sections(report)
    yield from _controls(report)
    yield ""
    yield f"The whole report: `report.json`, digest of the policy {_cell(report.policy_sha256)}."


def _project(report: Report) -> str:
    project = report.project
    commit = f"commit {project.commit[:12]}" if project.commit else "no commit"
    return f"{project.name} {project.version}, {commit}{' with uncommitted changes' if project.dirty else ''}"


def _why(result: Result) -> str:
    more = f" (and {len(result.because) - 1} more)" if len(result.because) > 1 else ""
    counts = {"waived": len(result.waived), "baselined": len(result.baselined)}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    passed_over = f" [{said}]" if said else ""
    return f"{_cell(result.because[0])}{more}{passed_over}" if result.because else passed_over.strip()


def _steps(report: Report) -> Iterator[str]:
    """Yield what earlier runs left, one point a line."""
    if told := list(steps.lines(report)):
        yield ""
        yield from (f"{'  ' * line.startswith('  ')}- {_cell(line.strip())}" for line in told)


def _table(found: list[Row], of: int) -> Iterator[str]:
    if not of:
        return
    yield ""
    yield f"### Findings, {len(found)} of {of} shown"
    yield ""
    yield "| severity | gate | place | finding | fix |"
    yield "|---|---|---|---|---|"
    for row in found:
        place = f"{row.path}:{row.line}" if row.line else row.path
        cells = (row.severity.name.lower(), row.gate, place, f"{row.rule} {row.message}", row.fix)
        yield f"| {' | '.join(map(_cell, cells))} |"


def _sections(report: Report) -> Iterator[str]:
    """Say of code, tests, examples, validation and documentation who looked at each."""
    yield ""
    yield "| looked at | by | findings |"
    yield "|---|---|---|"
    for each in sections(report.results):
        by = ", ".join(f"{_cell(one.gate)} {SIGNS[one.verdict]}" for one in each.results[:MOST_GATES])
        more = len(each.results) - MOST_GATES
        by += f" and {more} more" if more > 0 else ""
        yield f"| {each.name} | {by or 'no gate of this run'} | {each.findings if by else '-'} |"


def _controls(report: Report) -> Iterator[str]:
    """Say for which controls the passes are evidence; for which part of each, `report.json` says."""
    shown = [(each, result.gate) for result in report.results for each in controls.shown_by(result)]
    if shown:
        yield ""
        names = ", ".join(f"{_cell(each.id)} ({_cell(gate)})" for each, gate in shown)
        yield f"Evidence, each for a part, for controls of {_cell(shown[0][0].baseline)}: {names}."


def _cell(text: str) -> str:
    """Return text as one line that says itself and nothing else."""
    plain = _SPACE.sub(" ", text)
    cut = plain if len(plain) <= MOST_CHARACTERS else f"{plain[:MOST_CHARACTERS]} ..."
    return _ACTIVE.sub(r"\\\1", cut)
