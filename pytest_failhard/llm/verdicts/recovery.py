"""Judges how a system recovers: the answer after a retry, the waits between attempts, legal oddities."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from pytest_failhard.llm.catalogue import PARENTS
from pytest_failhard.llm.ledger import Attempt, Call
from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.fallbacks import impostor, replaced, substitutes
from pytest_failhard.llm.verdicts.hard import fails_hard, hang
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.retries import amplified
from pytest_failhard.llm.verdicts.rules import VerdictError, finding
from pytest_failhard.llm.verdicts.search import Presence
from pytest_failhard.llm.verdicts.shown import answer
from pytest_failhard.model import Finding

EARLY_SECONDS = Fraction(10, 1000)
DATE_SECONDS = Fraction(1010, 1000)
"""An HTTP date has whole seconds: up to one of them is already over."""
DATE_FAULTS = frozenset(("retry_after_date",))
VISIBLE_HINT = 1
"""Seconds. A smaller hint cannot be told from a client's own first pause."""
LATE_FACTOR, LATE_SECONDS = Fraction(3, 2), Fraction(1, 2)
STORM_SECONDS = Fraction(10, 1000)
"""Not higher: stock botocore draws its first pause from 0 to 50 ms."""
GROWTH = Fraction(12, 10)
SPREAD = Fraction(1, 100)
CALLS, SERVICE_CALLS = 8, 16
"""Logical calls for a verdict on growth. Simulated with 20,000 draws: false alarm against doubling full
jitter 0.9 % at 8 and 0.015 % at 16, never against openai's band; a flat back-off with 25 % of jitter is
always caught, one with full jitter in 89 % and 97 %."""
HINTING = frozenset(
    dialect
    for dialect, parents in PARENTS.items()
    if "openai" in (dialect, *parents) or dialect in {"anthropic", "gemini"}
)
"""The dialects whose real provider sends a hint; Bedrock does not."""


def recovers(attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    """Return what is wrong with a call that had to get over one failure with a whole answer."""
    return _whole(attempts, outcome, expectation, "not-recovered", "one transient failure failed the call")


def succeeds(attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    """Return what is wrong with a call that met legal, unusual traffic.

    Where the oddity lasts longer than the declared time-out (`may_fail`), a hard failure is right, too.
    """
    if expectation.may_fail and not outcome.produced:
        return fails_hard(attempts, outcome, expectation)
    return _whole(attempts, outcome, expectation, "not-tolerated", "failed on legal traffic")


def bounded(attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    """Return what is wrong with a call that had to end in time, with the whole answer or a hard failure."""
    if hang(attempts, outcome, expectation) or not _answered(outcome, expectation):
        return fails_hard(attempts, outcome, expectation)
    return (*substitutes(attempts, outcome, expectation), *amplified(attempts, expectation))


def backs_off(calls: Sequence[Call], expectation: Expectation, *, service: bool) -> tuple[Finding, ...]:
    """Return what is wrong with the waits over 8 logical calls, 16 of a service, run in parallel.

    Raises VerdictError `load-too-small` for fewer calls. No single call is judged: full jitter often makes
    a second gap shorter than the first.
    """
    demanded = SERVICE_CALLS if service else CALLS
    if len(calls) < demanded:
        text = f"{expectation.case}: {len(calls)} logical calls, {demanded} needed to judge the back-off"
        raise VerdictError("load-too-small", text)
    first = [gap for call in calls for gap in _unhinted(call, 0)]
    second = [gap for call in calls for gap in _unhinted(call, 1)]
    return (
        *hints_honoured(calls, expectation),
        *_storm(first, expectation),
        *_flat(first, second, expectation),
        *_synchronised(first, expectation),
    )


def hints_honoured(calls: Sequence[Call], expectation: Expectation) -> tuple[Finding, ...]:
    """Return `retry-after-ignored` where a request came before its hint had elapsed, or long after."""
    early = late = False
    for attempt, gap in (pair for call in calls for pair in _hinted(call)):
        hint, tolerance = _hint(attempt)
        early |= gap < hint - tolerance
        late |= gap > LATE_FACTOR * hint + LATE_SECONDS
    if early:
        text = "a request came before the wait that the provider asked for had passed"
    elif late:
        text = "a retry came long after the wait that the provider asked for"
    else:
        return ()
    return (finding("retry-after-ignored", expectation.case, text),)


def _whole(
    attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation, rule: str, text: str
) -> tuple[Finding, ...]:
    others = (*substitutes(attempts, outcome, expectation), *amplified(attempts, expectation))
    late = hang(attempts, outcome, expectation)
    if late or _answered(outcome, expectation) or replaced(attempts, outcome, expectation):
        return (*others, *late)
    if outcome.produced:
        return (*others, impostor(attempts, outcome, expectation))
    return (*others, finding(rule, expectation.case, text))


def _answered(outcome: Outcome, expectation: Expectation) -> bool:
    return outcome.produced and answer(outcome, expectation) is Presence.FULL


def _hinted(call: Call) -> Iterator[tuple[Attempt, Fraction]]:
    for attempt, gap in zip(call.attempts, call.gaps, strict=False):
        if attempt.dialect in HINTING and (attempt.hint_seconds or 0) >= VISIBLE_HINT:
            yield attempt, _exact(gap)


def _hint(attempt: Attempt) -> tuple[Fraction, Fraction]:
    """Return the wait that was asked for, in seconds, and how much earlier a request may come."""
    hint = _exact(attempt.hint_seconds or 0)
    # What is left until the date is in fractions, what was sent is in whole seconds.
    return (
        (Fraction(math.ceil(hint)), DATE_SECONDS) if attempt.fault in DATE_FAULTS else (hint, EARLY_SECONDS)
    )


def _unhinted(call: Call, place: int) -> Iterator[Fraction]:
    if len(call.gaps) > place and call.attempts[place].hint_seconds is None:
        yield _exact(call.gaps[place])


def _exact(seconds: float) -> Fraction:
    """Return seconds in whole microseconds: nothing is measured more finely, and borders are then exact."""
    return Fraction(round(seconds * 1_000_000), 1_000_000)


def _storm(first: Sequence[Fraction], expectation: Expectation) -> tuple[Finding, ...]:
    if not first or sum(first) >= STORM_SECONDS * len(first):
        return ()
    return (finding("retry-storm", expectation.case, "the first retries come without a pause"),)


def _flat(
    first: Sequence[Fraction], second: Sequence[Fraction], expectation: Expectation
) -> tuple[Finding, ...]:
    if not first or not second or max(second) >= GROWTH * max(first):
        return ()
    return (finding("flat-backoff", expectation.case, "the pauses between attempts do not grow"),)


def _synchronised(first: Sequence[Fraction], expectation: Expectation) -> tuple[Finding, ...]:
    if len(first) < 2 or max(first) - min(first) > SPREAD * min(first):
        return ()
    text = "calls that failed together were repeated together: no jitter"
    return (finding("synchronised-retries", expectation.case, text),)
