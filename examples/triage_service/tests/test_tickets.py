"""Tickets go in, proposals come out, bad input is refused with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from provider import PROPOSAL, Provider, Reply, completion
from support import TICKET


def test_a_ticket_is_triaged_by_the_model_and_can_be_read_again(client: FlaskClient) -> None:
    created = client.post("/tickets", json=TICKET)

    assert created.status_code == 201
    assert created.json is not None
    assert created.json["proposal"] == PROPOSAL
    assert created.json["model"] == "triage-model-2026"
    shown = client.get(f"/tickets/{created.json['id']}")
    assert shown.status_code == 200
    assert shown.json == created.json


def test_two_different_model_answers_give_two_different_proposals(
    client: FlaskClient, provider: Provider
) -> None:
    other = {**PROPOSAL, "category": "outage", "queue": "operations", "reason": "Nothing loads."}
    provider.will(Reply(), Reply(body=completion(other)))

    answers = [client.post("/tickets", json=TICKET).json for _ in range(2)]

    assert [answer["proposal"] for answer in answers if answer] == [PROPOSAL, other]


def test_the_model_gets_the_ticket_as_data_with_the_key_in_the_header(
    client: FlaskClient, provider: Provider, environ: dict[str, str]
) -> None:
    client.post("/tickets", json=TICKET)

    [sent] = provider.requests
    assert sent["model"] == "triage-model"
    assert sent["response_format"] == {"type": "json_object"}
    messages = sent["messages"]
    assert isinstance(messages, list)
    assert json.loads(messages[1]["content"]) == TICKET
    assert provider.authorisations == [f"Bearer {environ['OPENAI_API_KEY']}"]


def test_unusual_characters_survive(client: FlaskClient) -> None:
    ticket = {"subject": "a\x00b", "body": "\u202e\U0001f600' OR 1=1 --"}

    created = client.post("/tickets", json=ticket)

    assert created.json is not None
    shown = client.get(f"/tickets/{created.json['id']}")
    assert shown.json is not None
    assert shown.json["ticket"] == ticket


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Invalid JSON"),
        (b"[1]", "body: Input should be an object"),
        (b"[" * 50_000, "Invalid JSON"),
        (b'{"subject": "x"}', "body: Field required"),
        (b'{"subject": 7, "body": "x"}', "subject: Input should be a valid string"),
        (b'{"subject": "", "body": "x"}', "subject: String should have at least 1 character"),
        (b'{"subject": "x", "body": "y", "paid": true}', "paid: Extra inputs are not permitted"),
        (b'{"subject": "\\ud800", "body": "x"}', "Invalid JSON"),
        (b'{"subject": "\xff", "body": "x"}', "Invalid JSON"),
    ],
)
def test_a_body_that_is_no_ticket_is_refused_before_the_model_is_asked(
    client: FlaskClient, provider: Provider, body: bytes, said: str
) -> None:
    answer = client.post("/tickets", data=body, content_type="application/json")

    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["error"]["type"] == "invalid_ticket"
    assert said in answer.json["error"]["message"]
    assert provider.requests == []


def test_a_body_of_another_type_is_refused(client: FlaskClient) -> None:
    answer = client.post("/tickets", data=json.dumps(TICKET), content_type="text/plain")

    assert answer.status_code == 415


def test_a_body_over_the_limit_is_refused(client: FlaskClient) -> None:
    answer = client.post("/tickets", json={**TICKET, "body": "x" * 70_000})

    assert answer.status_code == 413
    assert answer.json is not None
    assert answer.json["error"]["type"] == "request_entity_too_large"


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Bearer \u00e9"])
def test_without_the_token_nothing_is_served(client: FlaskClient, given: str) -> None:
    created = client.post("/tickets", json=TICKET, headers={"Authorization": given})
    shown = client.get("/tickets/6f1a0e3e-8a3c-4d39-9a33-000000000000", headers={"Authorization": given})

    assert (created.status_code, shown.status_code) == (401, 401)


@pytest.mark.parametrize("identity", ["6f1a0e3e-8a3c-4d39-9a33-000000000000", "0", "-1", "abc", "%00"])
def test_an_unknown_ticket_is_not_found(client: FlaskClient, identity: str) -> None:
    answer = client.get(f"/tickets/{identity}")

    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["error"]["type"] in {"unknown_ticket", "not_found"}


def test_a_method_that_a_route_does_not_have_is_refused(client: FlaskClient) -> None:
    assert client.delete("/tickets").status_code == 405


def test_a_database_that_has_vanished_is_an_error_and_not_a_new_empty_one(
    client: FlaskClient, environ: dict[str, str]
) -> None:
    database = Path(environ["DATABASE_PATH"])
    database.unlink()

    answer = client.post("/tickets", json=TICKET)

    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["error"]["type"] == "store_unavailable"
    assert not database.exists()
