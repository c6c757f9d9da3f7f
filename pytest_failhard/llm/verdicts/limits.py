"""Judges what a system spends: its declared budget, and requests and tokens in every minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts.cause import failure_text
from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import VerdictError, finding
from pytest_failhard.model import Finding

GRACE_SECONDS = 0.010
WINDOW_SECONDS = 60.0
TOLERANCE_PERCENT = 110
OFFERED_PERCENT = 125
OFFERED_MORE = 5
ANSWERS_TO_LIMIT = 200
"""Parts of a token limit that one answer reports: 20 calls in flight stay within the tolerance."""

Cost = Callable[[Attempt], Decimal]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A declared budget, None for what is not limited; `concurrency` is how many calls may be in flight."""

    tokens: int | None = None
    usd: Decimal | None = None
    requests: int | None = None
    concurrency: int = 1


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A model's declared requests and tokens a minute, None for what is not limited."""

    model: str
    rpm: int | None = None
    tpm: int | None = None

    @property
    def calls_to_offer(self) -> int:
        """How many calls at once would break the limits of a system without a limiter."""
        most = max(self.rpm or 0, ANSWERS_TO_LIMIT if self.tpm else 0)
        return -(-OFFERED_PERCENT * most // 100) + OFFERED_MORE

    @property
    def tokens_per_answer(self) -> int:
        """How many tokens each answer reports while the token limit is judged."""
        return -(-(self.tpm or 0) // ANSWERS_TO_LIMIT)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The worst minute: what was counted in it and the limit it had to keep."""

    what: str
    count: int
    limit: int

    @property
    def percent(self) -> Fraction:
        """The count in percent of the limit."""
        return Fraction(100 * self.count, self.limit)


def within_budget(
    attempts: Sequence[Attempt],
    outcome: Outcome,
    expectation: Expectation,
    *,
    budget: Budget,
    cost: Cost | None = None,
) -> tuple[Finding, ...]:
    """Return `budget-overrun` where requests went on after the budget was spent, or the end names no budget.

    Raises VerdictError: `price-unknown` where a budget in money has no price, `load-too-small` where a
    call succeeded without having spent the budget.
    """
    if budget.usd is not None and cost is None:
        raise VerdictError("price-unknown", f"{expectation.case}: a budget in USD needs prices")
    asked = sorted((each for each in attempts if each.kind == "call"), key=lambda each: each.times.ended)
    last = _last_within(asked, budget, cost)
    if last is None and outcome.produced:
        text = f"{expectation.case}: the call ended before its budget was spent"
        raise VerdictError("load-too-small", text)
    wrong = [*([] if last is None else _overruns(asked, last, budget)), *_unnamed(outcome)]
    return (finding("budget-overrun", expectation.case, "; ".join(wrong)),) if wrong else ()


def spent(attempts: Sequence[Attempt], budget: Budget, cost: Cost | None = None) -> bool:
    """Tell whether the answers so far have used up the budget."""
    asked = sorted((each for each in attempts if each.kind == "call"), key=lambda each: each.times.ended)
    return _last_within(asked, budget, cost) is not None


def windows(attempts: Sequence[Attempt], limit: Limit) -> tuple[Window, ...]:
    """Return the worst minute of requests and of tokens; each minute starts at a request.

    A request counts when its head is complete: its connection may have been opened for another one.
    """
    asked = sorted(
        (each for each in attempts if each.kind == "call" and each.model == limit.model), key=_arrived
    )
    declared = (("requests", limit.rpm, _one), ("tokens", limit.tpm, _tokens))
    return tuple(
        Window(what=what, count=_worst(asked, weight), limit=most)
        for what, most, weight in declared
        if most is not None
    )


def rate_limits(
    attempts: Sequence[Attempt], expectation: Expectation, *, limit: Limit, offered: int
) -> tuple[Finding, ...]:
    """Return `rate-limit-overrun` where a minute holds more than 110 % of a declared limit.

    `offered` is the number of calls that the load made; raises VerdictError `load-too-small` where these
    could not have broken the limit even if all had come at once.
    """
    over = []
    for window in windows(attempts, limit):
        each = limit.tokens_per_answer if window.what == "tokens" else 1
        if _over(window.count, window.limit):
            over.append(window.what)
        elif not _over(offered * each, window.limit):
            text = f"{expectation.case}: load too small to judge {window.what} of {limit.model}"
            raise VerdictError("load-too-small", text)
    if not over:
        return ()
    text = f"more {' and '.join(over)} of {limit.model} within 60 s than declared"
    return (finding("rate-limit-overrun", expectation.case, text),)


def _over(count: int, limit: int) -> bool:
    return count * 100 > TOLERANCE_PERCENT * limit


def _worst(asked: Sequence[Attempt], weight: Callable[[Attempt], int]) -> int:
    worst = total = start = 0
    for attempt in asked:
        total += weight(attempt)
        while _arrived(attempt) - _arrived(asked[start]) >= WINDOW_SECONDS:
            total -= weight(asked[start])
            start += 1
        worst = max(worst, total)
    return worst


def _arrived(attempt: Attempt) -> float:
    return attempt.times.headers


def _one(_attempt: Attempt) -> int:
    return 1


def _tokens(attempt: Attempt) -> int:
    return attempt.usage.input + attempt.usage.output


def _last_within(asked: Sequence[Attempt], budget: Budget, cost: Cost | None) -> Attempt | None:
    """Return the first answer with which the budget is spent, None where it never is."""
    tokens, usd = 0, Decimal(0)
    for number, attempt in enumerate(asked, start=1):
        tokens += _tokens(attempt)
        usd += cost(attempt) if cost is not None else 0
        spent = ((number, budget.requests), (tokens, budget.tokens), (usd, budget.usd))
        if any(most is not None and used >= most for used, most in spent):
            return attempt
    return None


def _overruns(asked: Sequence[Attempt], last: Attempt, budget: Budget) -> Iterator[str]:
    end = last.times.ended
    after = [attempt for attempt in asked if attempt is not last and attempt.times.ended > end]
    in_flight = [attempt for attempt in after if _arrived(attempt) <= end + GRACE_SECONDS]
    if len(after) > len(in_flight):
        yield "requests went on after the budget was spent"
    if len(in_flight) > budget.concurrency:
        yield "more requests were in flight than declared when the budget was spent"


def _unnamed(outcome: Outcome) -> Iterator[str]:
    if not outcome.ended or outcome.produced:
        yield "the run did not end with an error"
    elif "budget" not in failure_text(outcome).lower():
        yield "the error does not name the budget"
