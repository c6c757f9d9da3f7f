"""Requests, attempts and canaries as the tests of schedule, record and router need them."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import HealthCheck, settings

from pytest_failhard.llm.attempt import Attempt, Times, Usage
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.request import Request, Route
from pytest_failhard.llm.schedule import Question

# How fast a machine is says nothing about what is tested.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CANARIES = Canaries.draw("A")
CHAT = Route(dialect="openai", name="/chat/completions", kind="call", model="gpt-4o-mini")


def chat(text: str = "hello", *headers: tuple[str, str], **members: object) -> Request:
    """A chat request; a header may be given, members are added to the body."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **members}
    return Request("POST", "/v1/chat/completions", headers, json.dumps(body).encode())


def question(
    text: str = "hello",
    *,
    route: Route = CHAT,
    call: str = "",
    occurrence: int = 1,
    elapsed: float = 0.0,
    features: frozenset[str] = frozenset(),
) -> Question:
    """A question about a chat request."""
    request = chat(text)
    return Question(
        route=route,
        request=request,
        call=call,
        digest_body=request.body,
        occurrence=occurrence,
        elapsed=elapsed,
        features=features,
    )


ATTEMPT = Attempt(
    case="case",
    number=1,
    layer="base_url",
    dialect="openai",
    route="/chat/completions",
    kind="call",
    method="POST",
    origin="",
    model="gpt-4o-mini",
    stream=False,
    body_sha256="a" * 64,
    body_without_model_sha256="b" * 64,
    occurrence=1,
    key="key[OPENAI_API_KEY]",
    foreign_key_sha256="",
    user_agent="OpenAI/Python 3.51.0",
    retry_count=0,
    read_timeout="600",
    sdk_attempt=None,
    invocation=None,
    rule="r1",
    fault="server_error",
    status=500,
    hint_seconds=None,
    request_id="req_1",
    bytes_sent=412,
    close="keep-alive",
    usage=Usage(),
    connection=1,
    times=Times(accepted=0.0, headers=0.0, body=0.0, first_byte=0.0, ended=0.0, peer_closed=None),
)


def attempt(number: int, start: float, end: float, *, retry: int | None = None) -> Attempt:
    """A failed attempt on a connection of its own, with its times and its SDK's count of retries."""
    times = Times(accepted=start, headers=start, body=start, first_byte=start, ended=end, peer_closed=None)
    return replace(ATTEMPT, number=number, retry_count=retry, times=times)
