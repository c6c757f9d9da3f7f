"""A router whose answers follow from the request alone gives the same ones in any order."""

from __future__ import annotations

import json

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.handler import Arrival, Exchange
from pytest_failhard.llm.operations import Send
from pytest_failhard.llm.request import Request
from pytest_failhard.llm.router import Router

CANARIES = Canaries.draw("case")


def bodies(by_body: bool, *texts: str) -> dict[str, bytes]:
    """Return the body of the answer to each text, asked in this order."""
    router = Router("case", seed=1, rules=(), canaries=CANARIES, by_body=by_body)
    return {text: _body(router.answer(_arrival(text))) for text in texts}


def _arrival(text: str) -> Arrival:
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}).encode()
    request = Request("POST", "/v1/chat/completions", body=body)
    return Arrival(
        request=request, connection=1, layer="base_url", accepted=0.0, headers_complete=0.0, body_complete=0.0
    )


def _body(exchange: Exchange) -> bytes:
    sent = b"".join(step.data for step in exchange.script.operations if isinstance(step, Send))
    return sent.partition(b"\r\n\r\n")[2]


def test_the_order_of_requests_makes_no_difference() -> None:
    assert bodies(True, "a", "b") == bodies(True, "b", "a")
    assert len(set(bodies(True, "a", "b").values())) == 2
    assert bodies(False, "a", "b") != bodies(False, "b", "a")
