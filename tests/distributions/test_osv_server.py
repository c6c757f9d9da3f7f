"""Tests of the loopback service: it answers one question, notes it, and refuses all else."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from pytest_failhard.distributions.advisories.osv import served
from pytest_failhard.distributions.osv_server import Asked, OsvServer, Record
from tests.advisory_data import advisory

QUESTION = {"package": {"name": "box", "ecosystem": "PyPI"}, "version": "1.0"}


def answer(name: str, version: str) -> list[Record] | None:
    known: dict[str, list[Record] | None] = {"box": [{"id": "A", "text": "x" * 20_000}], "clean": []}
    return known.get(name)


@pytest.fixture
def server() -> Iterator[OsvServer]:
    with OsvServer(answer) as running:
        yield running


def post(server: OsvServer, body: object, *, path: str = "", method: str = "POST") -> tuple[int, object]:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=10)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path or parts.path, data)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
    finally:
        connection.close()


def test_a_question_is_answered_and_noted(server: OsvServer) -> None:
    status, document = post(server, QUESTION)
    assert (status, isinstance(document, dict) and document["vulns"][0]["id"]) == (200, "A")
    clean = {**QUESTION, "package": {"name": "clean", "ecosystem": "PyPI"}}
    assert post(server, clean) == (200, {})
    assert server.ledger == [Asked(name="box", version="1.0"), Asked(name="clean", version="1.0")]
    assert server.refused == []


def test_a_connection_serves_several_questions(server: OsvServer) -> None:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 0, timeout=10)
    for _ in range(3):
        connection.request("POST", parts.path, json.dumps(QUESTION))
        assert len(connection.getresponse().read()) > 20_000
    connection.close()
    assert len(server.ledger) == 3


@pytest.mark.parametrize(
    ("body", "path", "method", "status"),
    [
        (QUESTION, "/v1/query", "POST", 404),
        (QUESTION, "", "PUT", 501),
        (b"", "", "GET", 501),
        (b"{", "", "POST", 400),
        ({"version": "1.0"}, "", "POST", 400),
        ({**QUESTION, "package": {"name": "box", "ecosystem": "npm"}}, "", "POST", 400),
        ({**QUESTION, "package": {"name": "stranger", "ecosystem": "PyPI"}}, "", "POST", 404),
        (b"x" * 70_000, "", "POST", 400),
    ],
)
def test_all_else_is_refused_and_noted(
    server: OsvServer, body: object, path: str, method: str, status: int
) -> None:
    code, _ = post(server, body, path=path, method=method)
    assert (code, len(server.refused), server.ledger) == (status, 1, [])


def test_a_connection_that_breaks_off_is_noted(server: OsvServer) -> None:
    parts = urlsplit(server.url)
    with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=10) as opened:
        opened.sendall(f"POST {parts.path} HTTP/1.1\r\nContent-Length: 99\r\n\r\n{{".encode())
        # Closed like this, the peer's next read fails.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(1000):
        post(server, QUESTION)
        if server.refused:
            break
    assert server.refused == ["a connection broke off"]


def test_each_server_has_a_secret_of_its_own_or_osvs_path() -> None:
    with OsvServer(answer) as one, OsvServer(answer) as other, OsvServer(answer, secret=False) as plain:
        assert one.path != other.path
        assert len(one.path.split("/")[1]) == 32
        assert plain.path == "/v1/query"


def test_a_record_is_served_in_a_form_that_nobody_drops() -> None:
    found = served(
        advisory(
            {"introduced": "1.0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"last_affected": "2.3"},
            published="2026-01-02T03:04:05.678+02:00", aliases=["CVE-1"],
        ),
        "box",
    )  # fmt: skip
    events = [{"introduced": "1.0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"last_affected": "2.3"}]
    assert found == {
        "schema_version": "1.6.0",
        "id": "TEST-1",
        "aliases": ["CVE-1"],
        "summary": "TEST-1",
        "published": "2026-01-02T01:04:05Z",
        "affected": [
            {
                "package": {"name": "box", "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }


@pytest.mark.parametrize("events", [[], [{"limit": "1"}, {"introduced": "0"}], [{"introduced": "x"}]])
def test_what_cannot_be_compared_is_not_served_as_a_version(events: list[dict[str, str]]) -> None:
    found = served(advisory(*events, published="1-01-01T00:00:00Z", versions=["1.0"]), "box")
    assert "published" not in found
    package = {"name": "box", "ecosystem": "PyPI"}
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    assert found["affected"] == [{"package": package, "ranges": ranges}]
