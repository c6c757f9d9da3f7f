"""A whole case, and the figures over all of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts import (
    Expectation,
    Outcome,
    Soak,
    Trial,
    VerdictError,
    judge,
    measures,
    soak,
)
from pytest_failhard.llm.verdicts.limits import Window
from pytest_failhard.llm.verdicts.measures import together
from pytest_failhard.model import Finding
from tests.llm.verdicts.samples import (
    BENIGN,
    DEADLINE,
    LIMITED,
    MINE,
    REFUSED,
    SILENT,
    answered,
    attempt,
    call,
    exited,
    fault,
    form,
    raised,
    returned,
    rules,
)

REPORTED = replace(SILENT, fault=fault("duplicate_id", "report"))
WHOLE = returned(MINE.text)
NO_SERVER = replace(
    SILENT, fault=fault("refused", "network", stage="connection"), form=form(recipe="refused")
)
NO_KEY = replace(SILENT, fault=fault("missing_key", "permanent", stage="environment"), form=None)


def trial(expectation: Expectation, outcome: Outcome, count: int = 1, only: Attempt | None = None) -> Trial:
    """Return a case with this number of failed attempts, or with only the one that is given."""
    named = expectation.fault.id if expectation.fault else ""
    sent = tuple(attempt(number, failed=named) for number in range(1, count + 1))
    return Trial(expectation=expectation, outcome=outcome, attempts=sent if only is None else (only,))


@pytest.mark.parametrize(
    "right",
    [
        trial(SILENT, raised("empty")),
        trial(REFUSED, raised("401")),
        trial(replace(LIMITED, single=False), raised("429"), 3),
        trial(LIMITED, WHOLE),
        trial(replace(SILENT, single=True), WHOLE),
        trial(replace(SILENT, single=True), raised("empty")),
        trial(DEADLINE, raised("timed out")),
        trial(BENIGN, WHOLE),
        trial(REPORTED, returned("anything")),
        trial(NO_SERVER, raised("Connection refused"), 0),
        trial(NO_SERVER, raised("[Errno 111]"), 0),
        trial(NO_KEY, exited(1, stderr="OPENAI_API_KEY is not set"), 0),
    ],
)
def test_a_right_case_has_no_finding(right: Trial) -> None:
    assert judge(right) == ()


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (trial(SILENT, returned("sorry")), ["silent-fallback"]),
        (trial(replace(SILENT, single=True), returned("sorry")), ["silent-fallback"]),
        (trial(replace(SILENT, single=True), raised("bad")), ["vague-error"]),
        (trial(REFUSED, raised("401"), 2), ["retried-permanent-error"]),
        (trial(replace(LIMITED, single=False), raised("429"), 4), ["retry-amplification"]),
        (trial(LIMITED, WHOLE, 4), ["retry-amplification"]),
        (trial(LIMITED, raised("429")), ["not-recovered"]),
        (trial(LIMITED, raised("429"), only=attempt(status=429)), ["not-recovered", "unlogged-request-id"]),
        (trial(BENIGN, raised("req_1")), ["not-tolerated"]),
        (trial(DEADLINE, returned("x")), ["silent-fallback"]),
        (trial(REPORTED, replace(WHOLE, ended=False)), ["hang"]),
        (trial(REPORTED, WHOLE, only=attempt(key="foreign")), ["hard-coded-key"]),
        (
            trial(SILENT, raised("empty"), only=attempt(agent="x", read_timeout="600")),
            ["default-timeout"],
        ),
        (trial(SILENT, raised(f"empty req_1 {MINE.keys['GROQ_API_KEY']}")), ["leaked-key"]),
        (trial(NO_SERVER, returned("ok"), 0), ["silent-fallback"]),
        (trial(NO_SERVER, raised("Connection error."), 0), ["causeless-error"]),
        (Trial(expectation=NO_SERVER, outcome=replace(raised(), ended=False)), ["hang"]),
        (trial(NO_KEY, exited(1, stderr="the API key is missing"), 0), ["vague-error"]),
    ],
)
def test_a_wrong_case_has_its_findings_once(wrong: Trial, expected: list[str]) -> None:
    assert rules(judge(wrong)) == expected


def test_hints_are_judged_in_every_case() -> None:
    early = call(0.2, failed="retry_after", hint=1.0)
    assert rules(judge(Trial(expectation=LIMITED, outcome=WHOLE, attempts=early.attempts))) == [
        "retry-after-ignored"
    ]


@pytest.mark.parametrize(
    ("unproven", "identifier"),
    [
        (trial(SILENT, raised("empty"), 0), "injection-not-exercised"),
        (trial(SILENT, raised("empty"), only=attempt(failed="")), "injection-not-exercised"),
        (trial(NO_SERVER, raised("no"), 0), "injection-not-exercised"),
        (trial(NO_SERVER, exited(1), 0), "injection-not-exercised"),
        (trial(NO_KEY, exited(1, stderr="not configured"), 0), "injection-not-exercised"),
        (trial(SILENT, raised("empty"), only=attempt(kind="unknown", route="/v1/foo")), "unknown-route"),
    ],
)
def test_a_case_that_proves_nothing_is_an_error(unproven: Trial, identifier: str) -> None:
    with pytest.raises(VerdictError, match=f"^{identifier}: openai-body_html@summarise: ") as error:
        judge(unproven)
    assert error.value.id == identifier


def test_a_healthy_run_needs_no_fault() -> None:
    assert (
        judge(Trial(expectation=replace(SILENT, fault=None), outcome=WHOLE, attempts=(attempt(failed=""),)))
        == ()
    )


def findings(*cases: Trial) -> list[Finding]:
    return [finding for case in cases for finding in judge(case)]


def test_measures_count_what_the_cases_showed() -> None:
    cases = [
        trial(replace(SILENT, case="a"), returned("sorry")),
        trial(replace(SILENT, case="b"), returned(MINE.head)),
        trial(replace(REFUSED, case="c"), raised("401"), 2),
        trial(replace(DEADLINE, case="d"), replace(raised(), ended=False)),
        trial(replace(LIMITED, case="e"), raised(f"{MINE.keys['AWS_ACCESS_KEY_ID']}"), 3),
    ]
    found = findings(*cases)
    windows = [Window(what="requests", count=11, limit=10), Window(what="tokens", count=1, limit=3)]
    soaked = Soak(calls=200, fired=9, wrong=1)
    counted = measures(
        cases, [*found, *found], demanded=5, windows=windows, cost_usd=Decimal("0.25"), soaked=soaked
    )
    assert counted == {
        "cases": 5,
        "cases_demanded": 5,
        "silent_fallbacks": 2,
        "leaked_keys": 0,
        "unbounded": 1,
        "permanent_retried": 1,
        "quota_retried": 0,
        "retry_after_violations": 0,
        "not_recovered": 1,
        "causeless": 0,
        "default_timeouts": 0,
        "egress": 0,
        "attempts_max": 3,
        "worst_rate_percent": Fraction(110),
        "cost_usd": Fraction(1, 4),
        "soak_calls": 200,
        "soak_fired": 9,
        "soak_wrong": 1,
    }
    assert all(type(value) in {int, Fraction} for value in counted.values())


def test_measures_of_nothing_are_zero() -> None:
    assert set(measures((), (), demanded=0).values()) == {0}


def test_a_cost_of_which_a_part_is_unknown_is_no_measure() -> None:
    assert "cost_usd" not in measures((), (), demanded=0, cost_usd=None)


def test_soaks_add_up() -> None:
    assert together([Soak(calls=200, fired=9, wrong=1), Soak(calls=1, fired=2)]) == Soak(
        calls=201, fired=11, wrong=1
    )
    assert together([]) is None


def test_a_soak_counts_what_is_neither_an_answer_nor_an_error() -> None:
    right = [WHOLE, raised("no token at all"), exited(1), answered(429, "slow down")]
    wrong = [
        returned("sorry"),
        returned(MINE.head),
        replace(raised(), ended=False),
        replace(WHOLE, ended=False),
    ]
    wrong += [exited(1, stdout=MINE.text), answered(404, "no such thing")]
    trials = [trial(replace(SILENT, fault=None), outcome) for outcome in (*right, *wrong)]
    assert soak(trials, 4) == Soak(calls=10, fired=4, wrong=6)
