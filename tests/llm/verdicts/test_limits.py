"""Budgets and minutes, at their borders."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.llm.ledger import Attempt, Usage
from pytest_failhard.llm.verdicts import Budget, Limit, VerdictError, rate_limits, windows, within_budget
from pytest_failhard.llm.verdicts.limits import spent
from tests.llm.verdicts.samples import SILENT, attempt, raised, returned, rules

SPENT = raised("the budget of this run is spent", "app.BudgetError")
HUGE = Usage(input=600_000, cached=100_000, output=400_000)
TOKENS = Budget(tokens=2_000_000)


def sent(number: int, start: float, end: float | None = None) -> Attempt:
    return attempt(number, start, end=end, failed="usage_huge", usage=HUGE)


TWO = (sent(1, 0.0, 0.5), sent(2, 1.0, 1.5))


def test_an_end_that_names_the_spent_budget_is_right() -> None:
    assert within_budget(TWO, SPENT, SILENT, budget=TOKENS) == ()
    assert within_budget(TWO, SPENT, SILENT, budget=Budget(requests=2)) == ()
    assert within_budget(TWO, SPENT, SILENT, budget=Budget(usd=Decimal(2)), cost=lambda _: Decimal(1)) == ()
    # One that stops before it is spent, and says so, is right, too.
    assert within_budget(TWO[:1], SPENT, SILENT, budget=TOKENS) == ()


@pytest.mark.parametrize(
    ("later", "concurrency", "rule"),
    [
        ((sent(3, 1.510, 2.0),), 1, []),
        ((sent(3, 1.511, 2.0),), 1, ["budget-overrun"]),
        ((sent(3, 1.2, 2.0),), 1, []),
        ((sent(3, 1.2, 2.0), sent(4, 1.3, 2.1)), 1, ["budget-overrun"]),
        ((sent(3, 1.2, 2.0), sent(4, 1.3, 2.1)), 2, []),
        ((replace(sent(3, 9.0), kind="catalogue"),), 1, []),
    ],
)
def test_only_what_was_in_flight_may_follow(
    later: tuple[Attempt, ...], concurrency: int, rule: list[str]
) -> None:
    budget = replace(TOKENS, concurrency=concurrency)
    assert rules(within_budget((*TWO, *later), SPENT, SILENT, budget=budget)) == rule


def test_the_end_names_the_budget() -> None:
    (finding,) = within_budget(TWO, raised("stopped"), SILENT, budget=TOKENS)
    assert finding.message.endswith("the error does not name the budget")
    (finding,) = within_budget(TWO, returned("the budget"), SILENT, budget=TOKENS)
    assert finding.message.endswith("the run did not end with an error")
    (finding,) = within_budget(TWO[:1], replace(SPENT, ended=False), SILENT, budget=TOKENS)
    assert finding.message.endswith("the run did not end with an error")


def test_a_budget_that_cannot_be_judged_is_an_error() -> None:
    with pytest.raises(VerdictError, match=r"^load-too-small: "):
        within_budget(TWO[:1], returned("done"), SILENT, budget=TOKENS)
    with pytest.raises(VerdictError, match=r"^price-unknown: "):
        within_budget(TWO, SPENT, SILENT, budget=Budget(usd=Decimal(1)))


def test_a_budget_is_spent_with_the_answer_that_reaches_it() -> None:
    assert [spent([sent(1, 0), sent(2, 1)][:count], Budget(requests=2)) for count in range(3)] == [
        False,
        False,
        True,
    ]


def minute(count: int, start: float = 0.0, step: float = 0.01, tokens: int = 0) -> list[Attempt]:
    usage = Usage(input=tokens)
    return [attempt(number, start + number * step, failed="", usage=usage) for number in range(count)]


@pytest.mark.parametrize(
    ("rpm", "count", "over"),
    [(10, 11, False), (10, 12, True), (240, 264, False), (240, 265, True), (9, 9, False), (9, 10, True)],
)
def test_requests_keep_to_110_percent_of_the_limit(rpm: int, count: int, over: bool) -> None:
    limit = Limit(model="gpt-4o", rpm=rpm)
    found = rate_limits(minute(count), SILENT, limit=limit, offered=limit.calls_to_offer)
    assert rules(found) == (["rate-limit-overrun"] if over else [])
    (window,) = windows(minute(count), limit)
    assert (window.what, window.count, window.percent) == ("requests", count, Fraction(100 * count, rpm))


def test_every_minute_that_starts_at_a_request_counts() -> None:
    limit = Limit(model="gpt-4o", rpm=10)
    halves = [*minute(6, 0.0), *minute(6, 59.0)]
    assert rules(rate_limits(halves, SILENT, limit=limit, offered=20)) == ["rate-limit-overrun"]
    apart = [*minute(6, 0.0), *minute(6, 60.05)]
    assert rate_limits(apart, SILENT, limit=limit, offered=20) == ()
    border = [attempt(number, 0.0 if number < 6 else 60.0) for number in range(12)]
    assert windows(border, limit)[0].count == 6


def test_tokens_are_counted_too_and_other_models_are_not() -> None:
    limit = Limit(model="gpt-4o", rpm=1000, tpm=1000)
    assert limit.tokens_per_answer == 5
    found = rate_limits(minute(221, tokens=5), SILENT, limit=limit, offered=1300)
    assert [finding.message for finding in found] == [
        "openai-body_html@summarise: more tokens of gpt-4o within 60 s than declared"
    ]
    assert rate_limits(minute(220, tokens=5), SILENT, limit=limit, offered=1300) == ()
    other = [replace(each, model="gpt-4o-mini") for each in minute(900, tokens=5)]
    assert rate_limits(other, SILENT, limit=limit, offered=1300) == ()


def test_a_load_that_could_not_break_the_limit_proves_nothing() -> None:
    limit = Limit(model="gpt-4o", rpm=240)
    assert limit.calls_to_offer == 305
    assert Limit(model="gpt-4o", rpm=60, tpm=1000).calls_to_offer == 255
    assert Limit(model="gpt-4o", rpm=240, tpm=1000).calls_to_offer == 305
    with pytest.raises(VerdictError, match=r"^load-too-small: .* requests of gpt-4o"):
        rate_limits(minute(200), SILENT, limit=limit, offered=264)
    assert rate_limits(minute(200), SILENT, limit=limit, offered=265) == ()
    with pytest.raises(VerdictError, match=r"^load-too-small: .* tokens of gpt-4o"):
        rate_limits([], SILENT, limit=Limit(model="gpt-4o", tpm=1000), offered=220)


def test_what_is_not_declared_is_not_limited() -> None:
    assert windows(minute(500), Limit(model="gpt-4o")) == ()
    assert rate_limits(minute(500), SILENT, limit=Limit(model="gpt-4o"), offered=0) == ()


@settings(deadline=None)
@given(st.lists(st.floats(0, 300), max_size=60))
def test_the_worst_minute_is_that_of_a_plain_count(starts: list[float]) -> None:
    asked = [attempt(number, start) for number, start in enumerate(starts)]
    (window,) = windows(asked, Limit(model="gpt-4o", rpm=1))
    plain = max((sum(0 <= other - start < 60 for other in starts) for start in starts), default=0)
    assert window.count == plain
