"""One summary over all projects: a document for machines, text for people; both list the worst first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from pytest_failhard.fleet.orders import Outcome
from pytest_failhard.model import Verdict
from pytest_failhard.report.text import visible

SCHEMA = "failhard-fleet/1"
ORDER = (Verdict.ERROR, Verdict.FAIL, Verdict.PASS)
REASONS = 3
MOST_SECONDS = 10**9


def verdict(outcomes: Sequence[Outcome]) -> Verdict:
    """Return the worst; of no project nothing is proven."""
    found = {outcome.verdict for outcome in outcomes}
    return next((each for each in ORDER if each in found), Verdict.ERROR)


def complete(outcomes: Sequence[Outcome]) -> bool:
    """Tell whether every gate of its level judged each of them: a part is not the whole."""
    return bool(outcomes) and all(outcome.complete for outcome in outcomes)


def sorted_outcomes(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return them worst first, else by project."""
    return sorted(outcomes, key=lambda each: (ORDER.index(each.verdict), each.project))


def document(outcomes: Sequence[Outcome], *, started_at: str) -> bytes:
    """Return the summary as JSON; what differs between two runs stands under `volatile`."""
    listed = sorted_outcomes(outcomes)
    data = {
        "schema": SCHEMA,
        "verdict": verdict(outcomes).value,
        "complete": complete(outcomes),
        "projects": [
            {
                "project": each.project,
                "verdict": each.verdict.value,
                "because": list(each.because),
                "level": each.level,
                "complete": each.complete,
                "report": each.report,
                "digest": each.digest,
            }
            for each in listed
        ],
        "volatile": {
            "started_at": started_at,
            "seconds": {each.project: each.seconds for each in listed},
            "workers": {each.project: each.worker for each in listed if each.worker},
        },
    }
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def durations(data: bytes) -> dict[str, float]:
    """Return the seconds that projects took, from an earlier summary; of any other text nothing is known."""
    try:
        seconds = json.loads(data)["volatile"]["seconds"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(seconds, Mapping):
        return {}
    return {str(project): float(taken) for project, taken in seconds.items() if _is_duration(taken)}


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < MOST_SECONDS


def text(outcomes: Sequence[Outcome]) -> str:
    """Return a line for each project with what blocks it, and one over all."""
    lines = [line for each in sorted_outcomes(outcomes) for line in _lines(each)]
    counts = Counter(each.verdict for each in outcomes)
    counted = ", ".join(f"{counts[each]} {each.value}" for each in reversed(ORDER) if counts[each])
    of = f"{len(outcomes)} project{'' if len(outcomes) == 1 else 's'}"
    partial = "" if complete(outcomes) else " (partial)"
    return "\n".join([*lines, f"fleet: {verdict(outcomes).value}{partial}: {counted or 'none'} of {of}"])


def _lines(outcome: Outcome) -> list[str]:
    level = f" (level {outcome.level}{'' if outcome.complete else ', partial'})" if outcome.level else ""
    more = len(outcome.because) - REASONS
    reasons = [*outcome.because[:REASONS], *([f"and {more} more, see {outcome.report}"] if more > 0 else [])]
    head = f"{outcome.verdict.value:5} {visible(outcome.project)}{level}"
    return [head, *(f"      {visible(reason)}" for reason in reasons)]
