"""Time-outs, healthy runs, the books, and traffic that passes by."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pytest_failhard.llm.verdicts import (
    Outcome,
    Trial,
    VerdictError,
    blind_interceptors,
    cost_agrees,
    egress,
    has_timeout,
    logs_request_ids,
    prices_current,
    uses_llm,
)
from tests.llm.verdicts.samples import (
    FIRST,
    LIMITED,
    OPENAI,
    SECOND,
    SILENT,
    attempt,
    exited,
    raised,
    returned,
    rules,
)


@pytest.mark.parametrize(
    ("stated", "agent", "expected"),
    [
        ("30", OPENAI, []),
        ("60", OPENAI, []),
        ("60.5", OPENAI, ["default-timeout"]),
        ("600", OPENAI, ["default-timeout"]),
        ("NOT_GIVEN", OPENAI, ["default-timeout"]),
        ("nan", OPENAI, ["default-timeout"]),
        (None, OPENAI, ["unbounded-timeout"]),
        (None, "AsyncOpenAI/Python 3.51.0", ["unbounded-timeout"]),
        (None, "Anthropic/Python 2.10.0", ["unbounded-timeout"]),
        (None, "google-genai-sdk/3.3.0", []),
        (None, "OpenAI/JS 6.0", []),
    ],
)
def test_a_client_states_its_time_out(stated: str | None, agent: str, expected: list[str]) -> None:
    sent = (attempt(read_timeout=stated, agent=agent),)
    assert rules(has_timeout(sent, raised(), SILENT)) == expected


def test_the_longest_allowed_time_out_can_be_set() -> None:
    sent = (
        attempt(read_timeout="30"),
        attempt(2, read_timeout="45"),
        attempt(3, kind="catalogue", read_timeout="600"),
    )
    (finding,) = has_timeout(sent, raised(), SILENT, most=20)
    assert finding.message.endswith("the client's read time-out is 30, 45 s, at most 20 s allowed")
    assert has_timeout(sent, raised(), SILENT) == ()


def test_a_time_out_is_found_once_for_all_cases_of_a_call() -> None:
    sent = (attempt(read_timeout="600"),)
    one, other = (replace(SILENT, case=case, call="summarise") for case in ("a@summarise", "b@summarise"))
    (first,), (second,) = has_timeout(sent, raised(), one), has_timeout(sent, raised(), other)
    assert first == second
    assert first.message.startswith("summarise: the client's read time-out is 600 s")


A = replace(SILENT, case="healthy-A@summarise", fault=None, canaries=FIRST, earlier=())
B = replace(SILENT, case="healthy-B@summarise", fault=None, canaries=SECOND, earlier=(FIRST,))
ASKED = (attempt(failed=""),)


def healthy(first: Outcome, second: Outcome) -> tuple[Trial, Trial]:
    return (
        Trial(expectation=A, outcome=first, attempts=ASKED),
        Trial(expectation=B, outcome=second, attempts=ASKED),
    )


def test_two_healthy_runs_hold_their_own_answers() -> None:
    assert uses_llm(*healthy(returned(FIRST.text), returned(SECOND.text))) == ()


@pytest.mark.parametrize("text", [FIRST.text, f"{FIRST.tail} {SECOND.text}"])
def test_the_answer_of_the_first_run_in_the_second_is_stale(text: str) -> None:
    assert rules(uses_llm(*healthy(returned(FIRST.text), returned(text)))) == ["stale-answer"]


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (returned("canned"), returned("canned"), "does not hold the provider's answer"),
        (returned(FIRST.text), returned(SECOND.head), "healthy-B@summarise: the output"),
        (returned(FIRST.text), raised("no"), "healthy-B@summarise: a healthy run failed"),
        (replace(returned(FIRST.text), ended=False), returned(SECOND.text), "a healthy run failed"),
    ],
)
def test_a_system_that_does_not_use_its_llm_cannot_be_judged(
    first: Outcome, second: Outcome, text: str
) -> None:
    with pytest.raises(VerdictError, match=r"^llm-not-used: ") as error:
        uses_llm(*healthy(first, second))
    assert error.value.id == "llm-not-used"
    assert text in str(error.value)


def test_a_healthy_run_asks_the_provider() -> None:
    first, second = healthy(returned(FIRST.text), returned(SECOND.text))
    with pytest.raises(VerdictError, match="sent no request to the provider"):
        uses_llm(replace(first, attempts=(attempt(kind="catalogue"),)), second)


def test_figures_and_choices_must_differ_too() -> None:
    first, second = healthy(returned(f"{FIRST.number}"), returned(f"{SECOND.number} x"))
    figures = [
        replace(each, expectation=replace(each.expectation, canary="number")) for each in (first, second)
    ]
    assert uses_llm(figures[0], figures[1]) == ()
    assert rules(uses_llm(figures[0], replace(figures[1], outcome=figures[0].outcome))) == ["stale-answer"]
    chosen = [
        replace(
            each,
            expectation=replace(each.expectation, canary="choice", choice=value),
            outcome=returned(value),
        )
        for each, value in ((first, "spam"), (second, "ham"))
    ]
    assert uses_llm(chosen[0], chosen[1]) == ()
    with pytest.raises(VerdictError, match="does not hold the provider's answer"):
        uses_llm(chosen[0], replace(chosen[1], outcome=returned("spam")))
    same = replace(
        chosen[1], expectation=replace(chosen[1].expectation, choice="spam"), outcome=returned("spam")
    )
    with pytest.raises(VerdictError, match="gave the same output"):
        uses_llm(chosen[0], same)


@pytest.mark.parametrize(
    ("own", "agrees"),
    [("1.02", True), ("0.98", True), ("1.0201", False), ("0.9799", False), ("0", False)],
)
def test_a_reported_cost_is_that_of_the_record_within_two_percent(own: str, agrees: bool) -> None:
    assert rules(cost_agrees(Decimal(own), Decimal(1), SILENT)) == ([] if agrees else ["cost-mismatch"])
    assert cost_agrees(Decimal(0), Decimal(0), SILENT) == ()


def test_prices_are_stale_after_180_days() -> None:
    as_of = date(2026, 1, 1)
    assert prices_current(as_of, date(2026, 6, 30)) == ()
    assert rules(prices_current(as_of, date(2026, 7, 1))) == ["stale-prices"]


def test_an_error_path_names_the_providers_request_id() -> None:
    sent = (attempt(1, failed="rate_limit_rpm", status=429), attempt(2, failed="rate_limit_rpm", status=429))
    assert rules(logs_request_ids(sent, raised("429"), LIMITED)) == ["unlogged-request-id"]
    assert logs_request_ids(sent, raised("429 (req_2)"), LIMITED) == ()
    assert logs_request_ids(sent, exited(1, log="request req_1 failed"), LIMITED) == ()
    assert logs_request_ids(sent, returned(""), LIMITED) == ()
    broken, useless = attempt(status=0), attempt(status=200)
    assert logs_request_ids((broken, useless), raised("empty"), SILENT) == ()
    assert logs_request_ids((attempt(failed=""),), raised("429"), LIMITED) == ()


def test_foreign_hosts_are_named() -> None:
    hosts = ("api.anthropic.com:443", "example.org:80", "example.org:443", "[::2]:443", "::3")
    findings = egress(hosts, SILENT, is_provider=lambda host: host.startswith("api."))
    assert [(finding.rule, finding.message) for finding in findings] == [
        ("provider-fallback", "openai-body_html@summarise: the system tried to reach api.anthropic.com"),
        ("egress", "openai-body_html@summarise: the system tried to reach ::3, [::2], example.org"),
    ]
    assert egress((), SILENT, is_provider=bool) == ()


def test_an_interceptor_that_sees_nothing_is_named_once() -> None:
    findings = blind_interceptors(["respx", "pytest-httpx", "respx"])
    assert rules(findings) == ["blind-interceptor", "blind-interceptor"]
    assert findings[1].message == "respx: respx is declared and cannot see the LLM client"
    assert blind_interceptors([]) == ()
