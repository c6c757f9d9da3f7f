"""The provider of a case: healthy but where a rule has it fail, and a record of all that it was sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.llm.canaries import KEYS, Canaries
from pytest_failhard.llm.catalogue import CatalogueError, load
from pytest_failhard.llm.handler import Arrival, Ending
from pytest_failhard.llm.injection import parse
from pytest_failhard.llm.ledger import Attempt, Refusal, Usage, lines
from pytest_failhard.llm.operations import Operation, Send, Sleep
from pytest_failhard.llm.request import Request
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.schedule import Count, Kind, Match, Rule, ScheduleError, When
from tests.llm.requests_made import CANARIES, UNHURRIED, chat

OTHER = Canaries.draw("B")
KEY = CANARIES.keys["OPENAI_API_KEY"]
FOREIGN = "sk-proj-of-somebody-else"
ALWAYS = Rule(id="r1", kinds=(Kind(fault="server_error"),))


def router(*rules: Rule, seed: int = 0, case: str = "case", known: Sequence[Canaries] = ()) -> Router:
    return Router(case, seed=seed, rules=rules, canaries=CANARIES, known=known)


def send(target: Router, request: Request, at: float = 0.0) -> tuple[Operation, ...]:
    """Send one request and end its answer; return what was done."""
    arrival = Arrival(
        request=request,
        connection=1,
        layer="base_url",
        accepted=at,
        headers_complete=at,
        body_complete=at,
    )
    exchange = target.answer(arrival)
    operations = exchange.script.operations
    exchange.end(
        Ending(
            bytes_sent=len(exchange.script.data),
            close="keep-alive",
            first_byte=at,
            ended=at,
            peer_closed=None,
        )
    )
    return operations


def sent(target: Router, request: Request) -> Attempt:
    """Send one request and return its line of the record."""
    send(target, request)
    return target.ledger.attempts[-1]


def body(operations: tuple[Operation, ...]) -> bytes:
    (operation,) = operations
    assert isinstance(operation, Send)
    return operation.data.partition(b"\r\n\r\n")[2]


def test_without_a_rule_the_answer_is_healthy_and_carries_the_canaries() -> None:
    target = router()
    answer = body(send(target, chat()))
    assert CANARIES.text in answer.decode()
    (attempt,) = target.ledger.attempts
    assert (attempt.status, attempt.fault, attempt.rule) == (200, "", "")
    assert attempt.usage.output > 0
    assert attempt.number == attempt.occurrence == 1
    assert attempt.bytes_sent > len(answer)


def test_a_rule_has_it_fail_and_a_parameter_reaches_the_wire() -> None:
    rules = parse("first=2,kinds=rate_limit_rpm(hint_ms=20)", load())
    target = router(*rules)
    for at in range(3):
        send(target, chat(), at)
    made = target.ledger.attempts
    assert [(each.status, each.fault, each.rule) for each in made] == [
        (429, "rate_limit_rpm", "r1"),
        (429, "rate_limit_rpm", "r1"),
        (200, "", ""),
    ]
    assert [each.hint_seconds for each in made] == [0.02, 0.02, None]
    assert [each.occurrence for each in made] == [1, 2, 3]
    assert target.schedule.counts == {"r1": Count(matched=3, fired=2)}


def test_the_same_seed_case_and_attempt_have_the_same_trace_id_and_send_it() -> None:
    first, again = (router(ALWAYS, seed=3) for _ in range(2))
    ids = [[sent(each, chat()).request_id for _ in range(3)] for each in (first, again)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3
    assert all(each.startswith("req_") and len(each) == 36 for each in ids[0])
    (operation,) = send(first, chat())
    assert isinstance(operation, Send)
    assert first.ledger.attempts[-1].request_id.encode() in operation.data
    others = {sent(each, chat()).request_id for each in (router(seed=4), router(seed=3, case="other"))}
    assert not others & set(ids[0])


AWS = (
    "AWS4-HMAC-SHA256 Credential={}/20261121/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00"
)
PLACES = (
    ("authorization", "Bearer {}"),
    ("authorization", "bearer  {}"),
    ("authorization", "{}"),
    ("authorization", AWS),
    ("x-api-key", "{}"),
    ("api-key", "{}"),
    ("x-goog-api-key", "{}"),
)


@pytest.mark.parametrize(("header", "form"), PLACES)
def test_a_key_is_found_wherever_a_dialect_puts_it(header: str, form: str) -> None:
    target = router(known=(OTHER,))

    def found(key: str) -> tuple[str, str]:
        attempt = sent(target, chat("x", (header, form.format(key))))
        return attempt.key, attempt.foreign_key_sha256

    # The secret of AWS signs, and is never sent.
    for name in set(KEYS) - {"AWS_SECRET_ACCESS_KEY"}:
        assert found(CANARIES.keys[name])[0].startswith("key[")
        assert found(OTHER.keys[name])[0].startswith("key[B.")
    assert found(CANARIES.keys["AWS_ACCESS_KEY_ID"]) == ("key[AWS_ACCESS_KEY_ID]", "")
    assert found(FOREIGN) == ("foreign", sha256(FOREIGN.encode()).hexdigest())
    assert FOREIGN.encode() not in lines(target.ledger)


def test_a_key_in_the_query_is_found_and_is_not_in_the_record() -> None:
    key = CANARIES.keys["GEMINI_API_KEY"]
    target = router()
    request = Request("POST", f"/v1beta/models/gemini-2.5-flash:generateContent?key={key}", (), b"{}")
    attempt = sent(target, request)
    assert (attempt.key, attempt.dialect, attempt.model) == (
        "key[GEMINI_API_KEY]",
        "gemini",
        "gemini-2.5-flash",
    )
    assert key.encode() not in lines(target.ledger)


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer "])
def test_no_key_is_none(value: str) -> None:
    assert sent(router(), chat("x", ("authorization", value))).key == ""


def test_of_two_keys_the_foreign_one_counts() -> None:
    attempt = sent(router(), chat("x", ("authorization", f"Bearer {KEY}"), ("x-api-key", FOREIGN)))
    assert attempt.key == "foreign"
    both = chat("x", ("authorization", f"Bearer {KEY}"), ("api-key", CANARIES.keys["AZURE_API_KEY"]))
    assert sent(router(), both).key == "key[OPENAI_API_KEY]"


def test_what_an_sdk_tells_of_itself_is_recorded() -> None:
    headers = (
        ("user-agent", "OpenAI/Python 3.51.0"),
        ("x-stainless-retry-count", "2"),
        ("x-stainless-read-timeout", "600"),
        ("amz-sdk-request", "attempt=1; max=3"),
        ("amz-sdk-invocation-id", "11111111-2222-3333-4444-555555555555"),
    )
    attempt = sent(router(), chat("x", *headers))
    assert (attempt.user_agent, attempt.retry_count, attempt.read_timeout) == (
        "OpenAI/Python 3.51.0",
        2,
        "600",
    )
    assert (attempt.sdk_attempt, attempt.invocation) == (headers[3][1], headers[4][1])
    silent = sent(router(), chat("x", ("x-stainless-retry-count", "many")))
    assert (silent.retry_count, silent.read_timeout, silent.sdk_attempt) == (None, None, None)


def test_a_redirect_loop_goes_on_and_its_hops_are_recorded_but_are_no_attempts() -> None:
    loop = Rule(id="r1", kinds=(Kind(fault="redirect_loop"),), when=When(first=1))
    target = router(loop)
    hop = Request("GET", "/v1/chat/completions", chat().headers)
    for request in (chat(), hop, hop, chat()):
        send(target, request)
    made = target.ledger.attempts
    assert [each.kind for each in made] == ["call", "redirect", "redirect", "call"]
    assert [each.status for each in made] == [302, 302, 302, 200]
    assert [each.fault for each in made] == ["redirect_loop"] * 3 + [""]
    assert target.schedule.counts == {"r1": Count(matched=2, fired=1)}
    assert sent(router(), hop).kind == "call"


@pytest.mark.parametrize(
    ("request_", "kind", "status"),
    [
        (Request("GET", "/v1/models"), "catalogue", 200),
        (Request("GET", "/BerriAI/litellm/main/model_prices_and_context_window.json"), "noise", 404),
        (Request("POST", "/v1/foo", (), b"{}"), "unknown", 404),
    ],
)
def test_what_is_no_call_is_answered_and_recorded_and_meets_no_fault(
    request_: Request, kind: str, status: int
) -> None:
    target = router(ALWAYS)
    attempt = sent(target, request_)
    assert (attempt.kind, attempt.status, attempt.fault) == (kind, status, "")
    assert target.schedule.counts == {"r1": Count()}
    assert target.features == frozenset()


def test_the_features_of_all_calls_are_seen() -> None:
    target = router()
    send(target, chat(stream=True))
    send(target, chat(response_format={"type": "json_object"}))
    assert {"stream", "json"} <= target.features
    send(target, Request("POST", "/v1/embeddings", (), b'{"model":"m","input":"x"}'))
    assert "embeddings" in target.features


def test_a_fault_meets_only_the_requests_that_can_have_it() -> None:
    target = router(Rule(id="r1", kinds=(Kind(fault="stream_truncated"),)))
    assert sent(target, chat()).fault == ""
    assert sent(target, chat(stream=True)).fault == "stream_truncated"
    anthropic = Request("POST", "/v1/messages", (), chat(stream=True).body)
    only = next(each.id for each in load().faults.values() if set(each.dialects) == {"gemini"})
    assert sent(router(Rule(id="r1", kinds=(Kind(fault=only),))), anthropic).fault == ""
    assert target.schedule.counts == {"r1": Count(matched=1, fired=1)}


def test_the_same_body_is_counted_by_route_and_model_and_is_normal() -> None:
    target = router()
    first = sent(target, chat("id 0123456789abcdef0", user="u1"))
    again = sent(target, chat("id fedcba9876543210f", user="u2"))
    model = sent(target, chat("id 0123456789abcdef0", model="gpt-4o"))
    assert first.body_sha256 == again.body_sha256 != model.body_sha256
    assert first.body_without_model_sha256 == model.body_without_model_sha256
    assert [first.occurrence, again.occurrence, model.occurrence] == [1, 2, 1]


def test_the_normaliser_of_a_project_is_used() -> None:
    def same(_body: bytes, _canaries: Sequence[Canaries]) -> bytes:
        return b"same"

    target = Router("case", seed=0, rules=(), canaries=CANARIES, normalise=same)
    assert sent(target, chat("a")).body_sha256 == sent(target, chat("b")).body_sha256


def test_a_declared_call_and_a_delay_can_be_given() -> None:
    rule = replace(ALWAYS, match=Match(call="summarise"))
    target = Router("case", seed=0, rules=(rule,), canaries=CANARIES, call="summarise", delay=0.25)
    first, second = send(target, chat())
    assert (first, type(second)) == (Sleep(seconds=0.25), Send)
    assert target.ledger.attempts[-1].fault == "server_error"
    target.call = "classify"
    assert sent(target, chat()).fault == ""
    assert len(send(target, Request("GET", "/v1/models"))) == 1


@pytest.mark.parametrize(
    ("path", "dialect"), [("/v1/chat/completions", "openai"), ("/v1/messages", "anthropic")]
)
def test_the_usage_that_answers_report_can_be_given(path: str, dialect: str) -> None:
    target = router()
    target.usage = Usage(input=12345)
    request = chat()
    attempt = sent(target, replace(request, target=path))
    assert (attempt.dialect, attempt.usage) == (dialect, Usage(input=12345))
    target.usage = None
    assert 0 < sent(target, request).usage.input < 100


def test_a_request_that_no_answer_fits_is_refused_and_the_record_says_so() -> None:
    target = router()
    impossible = {"type": "object", "properties": {"a": {"enum": []}}, "required": ["a"]}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": impossible}}
    (operation,) = send(target, chat(response_format=schema))
    assert isinstance(operation, Send)
    assert operation.data.startswith(b"HTTP/1.1 501 ")
    (refusal,) = target.ledger.refusals
    assert refusal.what == "answer"
    assert refusal.detail.startswith("POST /v1/chat/completions: ")
    assert target.ledger.attempts[-1].status == 501


def test_what_is_no_request_is_recorded() -> None:
    target = router()
    target.refuse("egress", f"{CANARIES.head}.example.org:443")
    assert target.ledger.refusals == (Refusal(what="egress", detail="<canary[A].head>.example.org:443"),)


def test_another_case_begins_anew_and_late_answers_belong_to_the_old_one() -> None:
    target = router(ALWAYS)
    old = target.ledger
    send(target, chat())
    arrival = Arrival(
        request=chat(), connection=1, layer="proxy", accepted=0, headers_complete=0, body_complete=0
    )
    late = target.answer(arrival)
    target.reset("next", (), OTHER)
    late.end(Ending(bytes_sent=0, close="client-fin", first_byte=None, ended=1, peer_closed=1))
    attempt = sent(target, chat("x", ("authorization", f"Bearer {KEY}")))
    assert (attempt.case, attempt.number, attempt.fault) == ("next", 1, "")
    assert attempt.key == "key[A.OPENAI_API_KEY]"
    assert target.canaries is OTHER
    assert [each.number for each in old.attempts] == [1, 2]
    assert (old.attempts[-1].layer, old.attempts[-1].close) == ("proxy", "client-fin")
    assert target.features == frozenset()


def test_an_answer_that_is_not_over_is_in_the_record_as_open() -> None:
    target = router(ALWAYS)
    arrival = Arrival(
        request=chat(), connection=1, layer="base_url", accepted=0, headers_complete=0, body_complete=0
    )
    exchange = target.answer(arrival)
    (attempt,) = target.ledger.attempts
    assert (attempt.close, attempt.fault, attempt.bytes_sent) == ("open", "server_error", 0)
    assert attempt.times.ended > 0
    exchange.end(Ending(bytes_sent=7, close="client-rst", first_byte=None, ended=3, peer_closed=2))
    (attempt,) = target.ledger.attempts
    assert (attempt.close, attempt.bytes_sent) == ("client-rst", 7)
    assert (attempt.times.ended, attempt.times.peer_closed) == (3, 2)


def test_rules_can_be_added() -> None:
    target = router()
    target.extend((ALWAYS,))
    assert sent(target, chat()).fault == "server_error"


def test_a_rule_with_an_unknown_fault_or_one_of_another_stage_is_refused() -> None:
    with pytest.raises(CatalogueError, match="unknown LLM fault 'server_eror'"):
        router(Rule(id="r1", kinds=(Kind(fault="server_eror"),)))
    with pytest.raises(ScheduleError) as caught:
        router().extend((Rule(id="r9", kinds=(Kind(fault="ok"), Kind(fault="refused"))),))
    assert caught.value.mistakes == (
        "rule r9: refused acts on the connection, not on an answer: open a trap for it",
    )


SECRETS = st.sampled_from(
    (
        CANARIES.head,
        CANARIES.middle,
        CANARIES.tail,
        CANARIES.poison,
        str(CANARIES.number),
        *CANARIES.keys.values(),
    )
)


@UNHURRIED
@given(
    secret=SECRETS,
    header=st.sampled_from(
        [
            "user-agent",
            "authorization",
            "x-stainless-read-timeout",
            "amz-sdk-request",
            "amz-sdk-invocation-id",
        ]
    ),
    path=st.sampled_from(["/v1/{}/chat/completions", "/{}", "/model/{}/converse", "/v1/responses?key={}"]),
)
def test_no_key_and_no_word_gets_into_a_record_whatever_is_sent(secret: str, header: str, path: str) -> None:
    said = {"model": secret, "messages": [{"role": "user", "content": secret}], "input": secret}
    request = Request(
        "POST", path.format(secret), ((header, secret),), json.dumps(said).encode(), origin=secret
    )
    target = router(ALWAYS)
    send(target, request)
    assert secret.lower().encode() not in lines(target.ledger).lower()


def test_the_failing_set_of_a_probability_survives_order_and_retries() -> None:
    rule = replace(ALWAYS, when=When(p=0.2))
    texts = [f"question {number}" for number in range(100)]

    def failing(order: Sequence[str]) -> set[tuple[str, int]]:
        target = router(rule, seed=5)
        for text in order:
            send(target, chat(text))
        return {(each.body_sha256, each.occurrence) for each in target.ledger.attempts if each.fault}

    assert (
        failing(texts * 2) == failing(texts[::-1] * 2) == failing([each for each in texts for _ in range(2)])
    )
    assert 0 < len(failing(texts)) < 100
