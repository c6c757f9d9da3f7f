"""Judges the number of attempts: none repeated that cannot succeed, no layers that multiply."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_failhard.llm.ledger import Attempt, calls
from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import finding
from pytest_failhard.model import Finding

MOST_ATTEMPTS = 3
"""What stock SDKs make; a project may only declare fewer."""
_PERMANENT = {"permanent": "retried-permanent-error", "permanent-retried": "retried-quota-error"}


def no_retry(
    attempts: Sequence[Attempt],
    _outcome: Outcome,
    expectation: Expectation,
) -> tuple[Finding, ...]:
    """Return what is wrong with the number of attempts of each logical call."""
    return (*_repeated(attempts, expectation), *amplified(attempts, expectation))


def amplified(attempts: Sequence[Attempt], expectation: Expectation) -> tuple[Finding, ...]:
    """Return `retry-amplification` for the logical call with the most attempts above the limit."""
    most = min(MOST_ATTEMPTS, expectation.max_attempts)
    seen = max(calls(attempts), key=lambda call: len(call.attempts), default=None)
    if seen is None or len(seen.attempts) <= most:
        return ()
    count, _, groups = seen.shape.partition(" ")
    text = f"{count} attempts {groups} for one call".replace("  ", " ")
    return (finding("retry-amplification", expectation.case, f"{text}, at most {most} allowed"),)


def _repeated(attempts: Sequence[Attempt], expectation: Expectation) -> tuple[Finding, ...]:
    fault = expectation.fault
    rule = "" if fault is None else _PERMANENT.get(fault.kind, "")
    if not rule or all(len(call.attempts) <= 1 for call in calls(attempts)):
        return ()
    text = "a request that cannot succeed was sent again"
    return (finding(rule, expectation.case, text),)
