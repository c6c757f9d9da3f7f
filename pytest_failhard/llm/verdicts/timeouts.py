"""Judges the read time-out that a client says it has."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import finding
from pytest_failhard.model import Finding

MOST_SECONDS = 60
_TELLING = re.compile(r"(?:openai|anthropic)\w*/python", re.IGNORECASE)
"""The clients that state their time-out: with them its absence means that there is none."""


def has_timeout(
    attempts: Sequence[Attempt],
    _outcome: Outcome,
    expectation: Expectation,
    *,
    most: float = MOST_SECONDS,
) -> tuple[Finding, ...]:
    """Return `default-timeout` above `most` seconds and `unbounded-timeout` for none.

    The findings are those of the call, once for all its cases, as they share the client. Another client
    than openai's and anthropic's says nothing: the case `read_timeout` shows its own.
    """
    whose = expectation.call or expectation.case
    asked = [attempt for attempt in attempts if attempt.kind == "call"]
    findings = []
    if any(attempt.read_timeout is None and _TELLING.search(attempt.user_agent) for attempt in asked):
        text = "the client waits without a limit: it was given timeout=None"
        findings.append(finding("unbounded-timeout", whose, text))
    stated = {attempt.read_timeout for attempt in asked if attempt.read_timeout is not None}
    long = sorted(value for value in stated if not _seconds(value) <= most)
    if long:
        text = f"the client's read time-out is {', '.join(long)} s, at most {most:g} s allowed"
        findings.append(finding("default-timeout", whose, text))
    return tuple(findings)


def _seconds(stated: str) -> float:
    """Return the stated seconds; what is no number bounds nothing."""
    try:
        return float(stated)
    except ValueError:
        return math.inf
