"""Each way in which the provider fails is a typed error, and never an answer."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from flask.testing import FlaskClient
from provider import PROPOSAL, Provider, Reply, completion
from support import TICKET, ClientFactory

UNUSABLE = "model_answer_unusable"


def refusal(status: int, **more: tuple[tuple[str, str], ...]) -> Reply:
    body = b'{"error": {"message": "provider text", "type": "t", "code": "c"}}'
    return Reply(status=status, body=body, headers=more.get("headers", ()))


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        pytest.param(refusal(400), 502, "model_refused", id="bad-request"),
        pytest.param(refusal(401), 502, "model_refused", id="invalid-key"),
        pytest.param(refusal(403), 502, "model_refused", id="forbidden"),
        pytest.param(refusal(404), 502, "model_refused", id="unknown-model"),
        pytest.param(refusal(429), 503, "model_rate_limited", id="rate-limit"),
        pytest.param(refusal(500), 503, "model_failed", id="server-error"),
        pytest.param(refusal(503), 503, "model_failed", id="overloaded"),
        pytest.param(Reply(cut=True), 503, "model_unreachable", id="cut"),
        pytest.param(
            Reply(headers=(("Content-Encoding", "gzip"),)), 503, "model_unreachable", id="undecodable"
        ),
        pytest.param(Reply(silent=True), 504, "model_timeout", id="timeout"),
        pytest.param(Reply(body=b"<html>proxy</html>"), 502, UNUSABLE, id="no-json"),
        pytest.param(Reply(body=b""), 502, UNUSABLE, id="empty-body"),
        pytest.param(Reply(body=b'{"model": "m", "choices": []}'), 502, UNUSABLE, id="no-choice"),
        pytest.param(Reply(body=completion("Billing, I think.")), 502, UNUSABLE, id="prose"),
        pytest.param(Reply(body=completion("")), 502, UNUSABLE, id="empty-content"),
        pytest.param(Reply(body=completion(PROPOSAL, "length")), 502, UNUSABLE, id="truncated"),
        pytest.param(Reply(body=completion(PROPOSAL, "content_filter")), 502, UNUSABLE, id="filtered"),
        pytest.param(
            Reply(body=completion({**PROPOSAL, "queue": "the usual"})), 502, UNUSABLE, id="unknown-queue"
        ),
        pytest.param(
            Reply(body=completion({"category": "billing"})), 502, UNUSABLE, id="incomplete-proposal"
        ),
    ],
)
def test_a_failure_of_the_provider_is_a_typed_error(
    make_client: ClientFactory, provider: Provider, reply: Reply, status: int, kind: str
) -> None:
    provider.will(reply)
    client = make_client({"OPENAI_TIMEOUT_SECONDS": "0.3" if reply.silent else "20"})

    answer = client.post("/tickets", json=TICKET)

    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["error"]["type"] == kind
    assert "provider text" not in answer.text
    assert len(provider.requests) == 1
    assert f'triage_model_calls_total{{outcome="{kind}"}} 1.0' in client.get("/metrics").text


def test_a_provider_that_refuses_connections_is_a_typed_error(make_client: ClientFactory) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]

        answer = make_client({"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}).post("/tickets", json=TICKET)

    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["error"]["type"] == "model_unreachable"


def test_a_passing_failure_is_retried_and_the_real_answer_returned(
    make_client: ClientFactory, provider: Provider
) -> None:
    provider.will(refusal(429, headers=(("retry-after-ms", "1"),)), Reply())

    answer = make_client({"OPENAI_MAX_RETRIES": "1"}).post("/tickets", json=TICKET)

    assert answer.status_code == 201
    assert answer.json is not None
    assert answer.json["proposal"] == PROPOSAL
    assert len(provider.requests) == 2


def test_retries_are_bounded(make_client: ClientFactory, provider: Provider) -> None:
    provider.will(refusal(500, headers=(("retry-after-ms", "1"),)))

    answer = make_client({"OPENAI_MAX_RETRIES": "2"}).post("/tickets", json=TICKET)

    assert answer.status_code == 503
    assert len(provider.requests) == 3


@pytest.mark.parametrize(
    "hint",
    [
        ("retry-after", "60"),
        ("retry-after-ms", "60000"),
        ("retry-after", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("retry-after", "soon"),
    ],
)
def test_a_long_wait_that_the_provider_asks_for_is_not_made(
    make_client: ClientFactory, provider: Provider, hint: tuple[str, str]
) -> None:
    provider.will(refusal(429, headers=(hint,)), Reply())

    answer = make_client({"OPENAI_MAX_RETRIES": "2"}).post("/tickets", json=TICKET)

    assert answer.status_code == 503
    assert len(provider.requests) == 1


def test_a_short_wait_until_a_date_is_made(make_client: ClientFactory, provider: Provider) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    provider.will(refusal(429, headers=(("retry-after", date),)), Reply())

    answer = make_client({"OPENAI_MAX_RETRIES": "2"}).post("/tickets", json=TICKET)

    assert answer.status_code == 201
    assert len(provider.requests) == 2


def test_a_failed_call_leaves_no_key_in_answer_or_log(
    client: FlaskClient,
    provider: Provider,
    environ: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = environ["OPENAI_API_KEY"]
    provider.will(Reply(status=401, body=f'{{"error": {{"message": "bad key {key}"}}}}'.encode()))

    answer = client.post("/tickets", json=TICKET)

    assert answer.status_code == 502
    assert key not in answer.text
    assert key not in caplog.text
