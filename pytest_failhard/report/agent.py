"""The report for a coding agent: JSON lines that say what to mend, how to check it, what not to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_failhard.model import Verdict
from pytest_failhard.remembered import RUN
from pytest_failhard.report import steps
from pytest_failhard.report.rows import UNPROVEN, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from pytest_failhard.model import Report, Result

MOST_FINDINGS = 20
"""Of one gate: mending those shows what the others are."""
MOST_CHARACTERS = 600
NEVER = (
    "do not weaken, skip, deselect or delete a test",
    "do not add noqa, type: ignore, pragma: no cover, nosec or an exclusion",
    "do not lower a threshold, a level or a demand in the configuration",
    "do not catch an error to answer something else, and do not write a waiver: a person decides that",
)


def render(report: Report) -> str:
    """Return a line on the verdict, one for each gate that did not pass, and one for each of its findings."""
    return "\n".join(json.dumps(line, ensure_ascii=True, separators=(",", ":")) for line in _lines(report))


def _lines(report: Report) -> Iterator[Mapping[str, JsonValue]]:
    standing = [result for result in report.results if result.verdict is not Verdict.PASS]
    yield {
        "failhard": report.verdict.value,
        "level": report.level,
        "complete": report.complete,
        "failing": [result.gate for result in standing],
        **({"never": list(NEVER)} if standing else {}),
        **_stop(report),
    }
    all_rows = rows(report)
    for result in sorted(standing, key=lambda each: each.verdict is not Verdict.ERROR):
        yield _gate(result, report)
        mine = [row for row in all_rows if row.gate == result.gate and row.name != UNPROVEN]
        for row in mine[:MOST_FINDINGS]:
            yield {
                "gate": row.gate,
                "rule": row.rule,
                "at": f"{row.path}:{row.line}" if row.line else row.path,
                "severity": row.severity.name.lower(),
                "what": row.message[:MOST_CHARACTERS],
                "fix": row.fix,
                "explain": f"failhard explain {row.rule}",
            }
        if len(mine) > MOST_FINDINGS:
            yield {"gate": result.gate, "more": len(mine) - MOST_FINDINGS}


def _stop(report: Report) -> Mapping[str, JsonValue]:
    """Return what ends the work: more tries where some have failed cost time and hide the cause."""
    if not report.stuck:
        return {}
    return {
        "do": steps.STOP,
        "stuck": [
            {
                "gate": each.gate,
                "why": each.why,
                "tried": [f"{attempt.at} {attempt.why}" for attempt in each.attempts],
                "person_decides": steps.command(each.gate),
            }
            for each in report.stuck
        ],
    }


def _attempts(gate: str, report: Report) -> Mapping[str, JsonValue]:
    """Return the attempts that are left at a gate: never more than the run has."""
    if gate not in report.attempts_left:
        return {}
    left = min(report.attempts_left[gate], report.attempts_left.get(RUN, report.attempts_left[gate]))
    return {"attempts": report.attempts.get(gate, 0), "attempts_left": left}


def _mend(result: Result, report: Report) -> str:
    """Say who goes on: what only somebody else can mend is not to be worked around."""
    if {result.gate, RUN} & {each.gate for each in report.stuck}:
        return "stop"
    return "wait" if result.fixable == "outside" else "code"


def _gate(result: Result, report: Report) -> Mapping[str, JsonValue]:
    return {
        "gate": result.gate,
        "verdict": result.verdict.value,
        "why": [reason[:MOST_CHARACTERS] for reason in result.because],
        "mend": _mend(result, report),
        **_attempts(result.gate, report),
        "check": f"failhard check --level {report.level} --only {result.gate}",
    }
