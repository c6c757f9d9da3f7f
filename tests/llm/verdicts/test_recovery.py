"""Recovery: the whole answer after a retry, and waits that honour, grow and spread."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.llm.ledger import Call
from pytest_failhard.llm.verdicts import (
    Outcome,
    VerdictError,
    backs_off,
    bounded,
    hints_honoured,
    recovers,
    succeeds,
)
from tests.llm.verdicts.samples import (
    BENIGN,
    DEADLINE,
    FIRST,
    LIMITED,
    MINE,
    attempt,
    call,
    raised,
    returned,
    rules,
)

WHOLE = returned(MINE.text)
RETRIED = (attempt(1, failed="rate_limit_rpm", status=429), attempt(2, failed=""))
HUNG = Outcome(form="callable", ended=False, produced=False)
Law = Callable[[random.Random, int], float]


def test_one_failure_is_got_over() -> None:
    assert recovers(RETRIED, WHOLE, LIMITED) == ()
    assert rules(recovers(RETRIED[:1], raised("429"), LIMITED)) == ["not-recovered"]
    assert rules(recovers(RETRIED, HUNG, LIMITED)) == ["hang"]


@pytest.mark.parametrize(
    ("outcome", "rule"),
    [
        (returned("sorry"), "silent-fallback"),
        (returned(FIRST.text), "stale-answer"),
        (returned(MINE.head), "partial-answer"),
    ],
)
def test_another_answer_is_no_recovery(outcome: Outcome, rule: str) -> None:
    assert rules(recovers(RETRIED, outcome, LIMITED)) == [rule]
    assert rules(succeeds(RETRIED[1:], outcome, BENIGN)) == [rule]


def test_recovery_takes_at_most_the_declared_attempts() -> None:
    two = replace(LIMITED, max_attempts=2)
    three = (*(attempt(number, failed="rate_limit_rpm") for number in (1, 2)), attempt(3, failed=""))
    assert recovers(three, WHOLE, LIMITED) == ()
    assert rules(recovers(three, WHOLE, two)) == ["retry-amplification"]


def test_legal_oddities_are_tolerated() -> None:
    assert succeeds(RETRIED[1:], WHOLE, BENIGN) == ()
    assert rules(succeeds((), raised("IndexError: choices"), BENIGN)) == ["not-tolerated"]
    shorter = replace(BENIGN, may_fail=True)
    assert succeeds((), raised("read timed out"), shorter) == ()
    assert rules(succeeds((), raised("no"), replace(shorter, fault=LIMITED.fault))) == ["vague-error"]
    assert succeeds((), WHOLE, shorter) == ()


def test_a_deadline_is_kept_with_an_answer_or_a_failure() -> None:
    assert bounded((), WHOLE, DEADLINE) == ()
    assert bounded((), raised("timed out"), DEADLINE) == ()
    assert rules(bounded((), HUNG, DEADLINE)) == ["hang"]
    assert rules(bounded((), replace(WHOLE, seconds=31), DEADLINE)) == ["hang"]
    assert rules(bounded((), returned("sorry"), DEADLINE)) == ["silent-fallback"]
    assert rules(bounded((), raised("no"), DEADLINE)) == ["vague-error"]


@pytest.mark.parametrize(
    ("fault", "hint", "gap", "honoured"),
    [
        ("retry_after", 1.0, 0.990, True),
        ("retry_after", 1.0, 0.989, False),
        ("retry_after", 1.0, 2.0, True),
        ("retry_after", 1.0, 2.001, False),
        ("retry_after_date", 2.0, 0.990, True),
        ("retry_after_date", 1.3, 0.991, True),
        ("retry_after_date", 1.3, 0.5, False),
        ("retry_after_date", 1.3, 3.6, False),
        ("rate_limit_rpm", 0.005, 3.0, True),
        ("retry_after_huge", 300.0, 0.4, False),
    ],
)
def test_a_hint_is_honoured(fault: str, hint: float, gap: float, honoured: bool) -> None:
    found = rules(hints_honoured((call(gap, failed=fault, hint=hint),), LIMITED))
    assert found == ([] if honoured else ["retry-after-ignored"])


@pytest.mark.parametrize(
    ("dialect", "counts"),
    [
        ("openai_responses", True),
        ("azure", True),
        ("anthropic", True),
        ("gemini", True),
        ("bedrock", False),
        ("cohere", False),
    ],
)
def test_only_dialects_that_send_hints_are_judged_by_them(dialect: str, counts: bool) -> None:
    made = call(0.2, failed="retry_after", hint=1.0)
    made = replace(made, attempts=tuple(replace(each, dialect=dialect) for each in made.attempts))
    assert bool(hints_honoured((made,), LIMITED)) is counts


def test_too_few_calls_are_no_verdict() -> None:
    eight = [call(0.4 + number / 100, 0.8) for number in range(8)]
    assert backs_off(eight, LIMITED, service=False) == ()
    for calls, service in ((eight[:7], False), (eight, True)):
        with pytest.raises(VerdictError, match=r"^load-too-small: ") as error:
            backs_off(calls, LIMITED, service=service)
        assert error.value.id == "load-too-small"
    assert backs_off(eight * 2, LIMITED, service=True) == ()


def eight_calls(*first: float, second: float = 9.0) -> list[Call]:
    return [call(gap, second) for gap in first]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (eight_calls(*[0.0] * 7, 0.08), []),
        (eight_calls(*[0.0] * 7, 0.0799), ["retry-storm"]),
        (eight_calls(*[0.010] * 8), ["synchronised-retries"]),
        (eight_calls(*[0.0] * 8), ["retry-storm", "synchronised-retries"]),
        (eight_calls(*[1.0] * 7, 1.01), ["synchronised-retries"]),
        (eight_calls(*[1.0] * 7, 1.011), []),
        (eight_calls(*[0.5] * 7, 1.0, second=1.2), []),
        (eight_calls(*[0.5] * 7, 1.0, second=1.1999), ["flat-backoff"]),
        ([call(0.5 + number / 10) for number in range(8)], []),
        ([call() for _ in range(8)], []),
        ([call(0.001, 0.001, hint=0.005) for _ in range(8)], []),
    ],
)
def test_the_waits_of_eight_calls_have_exact_bounds(calls: list[Call], expected: list[str]) -> None:
    # 1.2 and 0.01 have no exact float: the borders are those of whole microseconds.
    assert rules(backs_off(calls, LIMITED, service=False)) == expected


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(0, 100)), min_size=8, max_size=20))
def test_only_the_largest_pauses_decide_whether_they_grow(gaps: list[tuple[float, float]]) -> None:
    flat = "flat-backoff" in rules(backs_off([call(*pair) for pair in gaps], LIMITED, service=False))
    first, second = max(pair[0] for pair in gaps), max(pair[1] for pair in gaps)
    assert flat or second >= 1.2 * first * (1 - 1e-9) - 2e-6
    assert not flat or second < 1.2 * first * (1 + 1e-9) + 2e-6


def sdk(source: random.Random, retry: int) -> float:
    return float(min(0.5 * 2**retry, 8) * source.uniform(0.75, 1))


def doubling(source: random.Random, retry: int) -> float:
    return source.uniform(0, 0.5 * 2**retry)


def flat_band(source: random.Random, _retry: int) -> float:
    return 0.5 * source.uniform(0.75, 1.25)


def flat_jitter(source: random.Random, _retry: int) -> float:
    return source.uniform(0, 0.5)


def share_flat(law: Law, number: int, draws: int) -> float:
    """Return in which share of the draws the back-off of `number` calls is found to be flat."""
    source = random.Random(20261121)
    found = 0
    made = call(0.0, 0.0)
    for _ in range(draws):
        calls = [replace(made, gaps=(law(source, 0), law(source, 1))) for _ in range(number)]
        found += "flat-backoff" in rules(backs_off(calls, LIMITED, service=number == 16))
    return found / draws


@pytest.mark.parametrize(
    ("law", "number", "lowest", "highest"),
    [
        (sdk, 8, 0.0, 0.0),
        (sdk, 16, 0.0, 0.0),
        (doubling, 8, 0.0, 0.03),
        (doubling, 16, 0.0, 0.005),
        (flat_jitter, 8, 0.82, 0.96),
        (flat_jitter, 16, 0.93, 1.0),
    ],
)
def test_the_rates_are_those_that_the_rule_states(
    law: Law, number: int, lowest: float, highest: float
) -> None:
    # The seed is fixed; the bounds are five standard deviations wide all the same.
    assert lowest <= share_flat(law, number, 600) <= highest


@pytest.mark.parametrize("number", [8, 16])
def test_a_flat_band_is_found_in_nearly_every_draw(number: int) -> None:
    assert share_flat(flat_band, number, 600) > 0.95


@settings(max_examples=25, deadline=None)
@given(st.integers())
def test_the_sdks_own_waits_are_never_flat(seed: int) -> None:
    source = random.Random(seed)
    calls = [call(sdk(source, 0), sdk(source, 1)) for _ in range(8)]
    assert "flat-backoff" not in rules(backs_off(calls, LIMITED, service=False))
