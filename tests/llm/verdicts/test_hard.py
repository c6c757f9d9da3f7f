"""A failure that must be one: in time, open, without a result, with its cause."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_failhard.llm.verdicts import Link, Outcome, explicit, fails_hard
from tests.llm.verdicts.samples import (
    DEADLINE,
    FIRST,
    LIMITED,
    MINE,
    REFUSED,
    SILENT,
    answered,
    attempt,
    canaries,
    exited,
    fault,
    form,
    raised,
    returned,
    rules,
)

TYPED = json.dumps({"error": {"type": "llm_unavailable", "message": "schema of the answer"}})


def judged(outcome: Outcome) -> list[str]:
    return rules(fails_hard((attempt(),), outcome, SILENT))


@pytest.mark.parametrize(
    "outcome",
    [
        raised("the answer is no JSON"),
        exited(1, stderr="error: choices missing in the answer"),
        exited(-11, stderr="unexpected answer"),
        answered(502, TYPED),
        answered(599, json.dumps({"type": "upstream_error", "title": "truncated"})),
        answered(503, json.dumps({"detail": [{"code": "openai_down"}], "message": "empty"})),
        answered(500, json.dumps({"error": "provider_error", "why": "parse"})),
    ],
)
def test_a_hard_failure_is_right(outcome: Outcome) -> None:
    assert judged(outcome) == []
    assert explicit(outcome, SILENT)


@pytest.mark.parametrize(
    ("outcome", "rule"),
    [
        (returned("Sorry, no summary today."), "silent-fallback"),
        (returned(""), "silent-fallback"),
        (exited(0, stdout="ok"), "silent-fallback"),
        (answered(200, "{}"), "silent-fallback"),
        (answered(302, ""), "silent-fallback"),
        (returned(f"summary: {FIRST.text}"), "stale-answer"),
        (returned(f"summary: {FIRST.number}"), "stale-answer"),
        (returned(f"summary: {MINE.head} goes"), "partial-answer"),
        (exited(0, stdout="ok", body=MINE.middle), "partial-answer"),
        (returned(f"<html>{MINE.poison}</html>"), "garbage-answer"),
        (returned(f"{MINE.head} {FIRST.head} {MINE.poison}"), "garbage-answer"),
        (returned(MINE.text), "garbage-answer"),
    ],
)
def test_a_claimed_success_is_named_by_what_it_holds(outcome: Outcome, rule: str) -> None:
    assert judged(outcome) == [rule]
    assert not explicit(outcome, SILENT)


def test_the_message_of_a_silent_fallback_says_what_where_and_why() -> None:
    (finding,) = fails_hard((attempt(),), exited(0, stdout="all\nfine"), SILENT)
    assert finding.message == (
        "openai-body_html@summarise: exit 0 without the canary: the system answered although the provider"
        ' did not. Result: "all fine" Attempts: 1. request ids: req_1'
    )
    assert finding.fix
    assert finding.path == ""
    assert finding.anchor == "silent-fallback openai-body_html@summarise"


def test_no_message_holds_a_canary() -> None:
    words = (MINE.head, MINE.poison, FIRST.tail, str(FIRST.number))
    for outcome in (returned(" ".join(words)), answered(200, " ".join(words)), raised(" ".join(words))):
        for finding in fails_hard((), outcome, SILENT):
            assert not any(word in finding.message for word in words)


def test_no_message_holds_a_key() -> None:
    key = MINE.keys["OPENAI_API_KEY"]
    (finding,) = fails_hard((), returned(f"my key is {key}"), SILENT)
    assert 'Result: "my key is <key[case.OPENAI_API_KEY]>"' in finding.message
    (finding,) = fails_hard((), returned(f"my key is {key[20:50]}"), SILENT)
    assert 'Result: "(withheld: it holds a key)"' in finding.message


def test_a_services_log_is_no_answer() -> None:
    served = answered(502, TYPED, stdout=MINE.text)
    assert judged(served) == []
    assert judged(exited(1, stdout=MINE.text, stderr="empty")) == ["partial-answer"]


@pytest.mark.parametrize(
    ("outcome", "rule"),
    [
        (exited(1, stderr="empty", stdout=f"so far: {MINE.head}"), "partial-answer"),
        (answered(502, f'{{"type": "llm", "detail": "empty", "text": "{MINE.tail}"}}'), "partial-answer"),
        (replace(raised("empty"), files={"out.txt": b""}), "silent-fallback"),
        (replace(raised("empty"), files={"out.txt": MINE.tail.encode()}), "partial-answer"),
    ],
)
def test_a_failure_leaves_no_result(outcome: Outcome, rule: str) -> None:
    demanded = replace(SILENT, result_files=frozenset(("out.txt",)))
    assert rules(fails_hard((), outcome, demanded)) == [rule]
    assert not explicit(outcome, demanded)
    elsewhere = replace(outcome, files={"app.log": b"started"})
    assert [rule for rule in rules(fails_hard((), elsewhere, demanded)) if rule == "silent-fallback"] == []


def test_a_failure_is_not_like_a_healthy_result() -> None:
    healthy = exited(0, stdout=f"The summary of the given text is {FIRST.text}, as of today.")
    demanded = replace(SILENT, healthy=(healthy,))
    alike = "The summary of the given text is {} goes before {} and ends with {}, as of today."
    other = canaries("X", 1000000, "x", "y", "z", "w")
    masked = alike.format("canary[A].head", "canary[A].middle", "canary[A].tail")
    assert rules(fails_hard((), exited(1, stdout=masked, stderr="empty"), demanded)) == ["silent-fallback"]
    differs = "The text could not be read and no answer was made for it: empty answer from the model."
    assert fails_hard((), exited(1, stdout=differs, stderr="empty"), demanded) == ()
    assert fails_hard((), exited(1, stdout=other.head, stderr="empty"), demanded) == ()


def test_long_results_are_compared_by_words() -> None:
    words = [f"word{number}" for number in range(500)]
    demanded = replace(SILENT, healthy=(exited(0, stdout=" ".join([*words, MINE.text])),))
    few = [*words[:40], "else", *words[41:]]
    many = [word if place % 5 else "else" for place, word in enumerate(words)]
    assert rules(fails_hard((), exited(1, stdout=" ".join(few), stderr="empty"), demanded)) == [
        "silent-fallback"
    ]
    assert fails_hard((), exited(1, stdout=" ".join(many), stderr="empty"), demanded) == ()


def test_an_error_body_has_not_all_fields_of_a_healthy_one() -> None:
    demanded = replace(SILENT, healthy=(answered(200, '{"summary": "s", "model": "m"}'),))
    same = '{"summary": "none", "model": "-", "type": "llm", "why": "empty"}'
    empty = '{"summary": "", "model": "-", "type": "llm", "why": "empty"}'
    assert rules(fails_hard((), answered(502, same), demanded)) == ["silent-fallback"]
    assert fails_hard((), answered(502, empty), demanded) == ()
    none = replace(SILENT, healthy=(answered(200, "[]"),))
    assert fails_hard((), answered(502, same), none) == ()


@pytest.mark.parametrize(
    ("outcome", "rule"),
    [
        (exited(1), "mute-failure"),
        (exited(1, stdout="something went wrong: empty", stderr=" \n"), "mute-failure"),
        (answered(None, log="choices empty"), "mute-failure"),
        (raised("something went wrong"), "vague-error"),
        (raised("Connection error.", "openai.APIConnectionError"), "causeless-error"),
        (exited(1, stderr="openai.APITimeoutError: Request timed out."), "causeless-error"),
    ],
)
def test_a_failure_names_its_cause(outcome: Outcome, rule: str) -> None:
    assert judged(outcome) == [rule]


def test_the_deadline_is_that_of_the_case() -> None:
    hung = Outcome(form="command", ended=False, produced=False, seconds=30)
    (finding,) = fails_hard((attempt(read_timeout=None),), hung, DEADLINE)
    assert finding.message == (
        "openai-read_timeout@summarise: still running at the deadline (30 s); killed."
        " Client read timeout: none sent"
    )
    beyond = replace(REFUSED, deadline=10.0, beyond=1.25)
    (finding,) = fails_hard((), hung, beyond)
    assert "(10 s beyond the healthy run)" in finding.message
    assert "no request seen" in finding.message
    late = replace(raised("401"), seconds=11.3)
    assert rules(fails_hard((), late, beyond)) == ["hang"]
    assert fails_hard((), replace(late, seconds=11.2), beyond) == ()
    assert not explicit(late, beyond)


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (404, TYPED),
        (400, TYPED),
        (502, "Bad gateway: empty answer"),
        (502, '{"error": {"type": "internal", "message": "empty"}}'),
        (502, '["empty", {"type": "llm"}]'),
        (502, '{"error": {"type": 5}, "code": "E7", "message": "empty"}'),
    ],
)
def test_a_service_says_that_its_dependency_failed(code: int, body: str) -> None:
    assert judged(answered(code, body)) == ["untyped-error"]


def test_callers_faults_and_rate_limits_have_statuses_of_their_own() -> None:
    limited = replace(LIMITED, single=False)
    throttled = json.dumps({"error": {"code": "llm_busy", "message": "429"}})
    assert fails_hard((), answered(429, throttled), limited) == ()
    assert rules(fails_hard((), answered(429, TYPED), SILENT)) == ["untyped-error"]
    long = replace(SILENT, fault=fault("context_length", "permanent"), form=form(400))
    assert fails_hard((), answered(413, '{"code": "llm", "why": "400"}'), long) == ()
    own = replace(SILENT, error_status=frozenset((502,)))
    assert rules(fails_hard((), answered(503, TYPED), own)) == ["untyped-error"]


def test_a_failure_without_a_chain_is_still_one() -> None:
    outcome = Outcome(form="callable", ended=True, produced=False, streams={"stderr": "no token here"})
    (finding,) = fails_hard((), outcome, SILENT)
    assert finding.message.startswith("openai-body_html@summarise: failed:")
    code = Outcome(form="command", ended=True, produced=False, chain=(Link(type="E", text="nothing"),))
    assert "raised:" in fails_hard((), code, SILENT)[0].message


@pytest.mark.parametrize(("mode", "own"), [("number", str(MINE.number)), ("choice", "spam")])
def test_figures_and_choices_count_as_answers(mode: str, own: str) -> None:
    demanded = replace(SILENT, choice="spam")
    demanded = replace(demanded, canary="number") if mode == "number" else replace(demanded, canary="choice")
    expected = {"number": ["garbage-answer"], "choice": ["silent-fallback"]}[mode]
    assert rules(fails_hard((), returned(own), demanded)) == expected
    assert rules(fails_hard((), returned("none"), demanded)) == ["silent-fallback"]
    assert fails_hard((), raised("empty answer"), demanded) == ()
