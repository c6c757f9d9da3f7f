"""The report for a coding agent: JSON lines that say what to mend, how to check it, what not to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_failhard.model import Verdict
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


def _gate(result: Result, report: Report) -> Mapping[str, JsonValue]:
    return {
        "gate": result.gate,
        "verdict": result.verdict.value,
        "why": [reason[:MOST_CHARACTERS] for reason in result.because],
        # What only somebody else can mend is not to be worked around.
        "mend": "wait" if result.fixable == "outside" else "code",
        "check": f"failhard check --level {report.level} --only {result.gate}",
    }
