"""Health, liveness, counters, request ids, logs, and the refusal to start."""

from __future__ import annotations

import json
import logging
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from provider import Provider
from support import TICKET

from triage.app import create_app
from triage.logs import LOGGING, JsonFormatter
from triage.settings import load
from triage.wsgi import from_environment


@pytest.fixture
def started(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("OPENAI_TIMEOUT_SECONDS", *environ):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    # The tests keep their own handlers.
    monkeypatch.setitem(LOGGING, "root", {})
    monkeypatch.setitem(LOGGING, "loggers", {})
    return monkeypatch


def test_health_is_ok_while_the_database_serves(client: FlaskClient) -> None:
    answer = client.get("/health")

    assert (answer.status_code, answer.json) == (200, {"status": "ok", "store": "ok"})


def test_health_follows_the_database_and_liveness_does_not(
    client: FlaskClient, environ: dict[str, str]
) -> None:
    database = Path(environ["DATABASE_PATH"])
    away = database.with_suffix(".away")
    database.rename(away)
    broken, live = client.get("/health"), client.get("/livez")
    away.rename(database)

    assert (broken.status_code, live.status_code) == (503, 200)
    assert broken.json == {"status": "unavailable", "store": "unavailable"}
    assert client.get("/health").status_code == 200


def test_health_does_not_ask_the_model(client: FlaskClient, provider: Provider) -> None:
    client.get("/health")

    assert provider.requests == []


def test_metrics_count_requests_by_route_and_status(client: FlaskClient) -> None:
    for _ in range(2):
        client.post("/tickets", json=TICKET)
    client.get("/nowhere")

    text = client.get("/metrics").text

    assert 'triage_requests_total{route="/tickets",status="201"} 2.0' in text
    assert 'triage_requests_total{route="unknown",status="404"} 1.0' in text
    assert 'triage_model_calls_total{outcome="answered"} 2.0' in text
    assert 'triage_request_seconds_count{route="/tickets"} 2.0' in text


def test_a_request_id_is_echoed_and_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = client.get("/livez", headers={"X-Request-ID": "abc-1"})

    assert answer.headers["X-Request-ID"] == "abc-1"
    [record] = [record for record in caplog.records if record.message == "request"]
    assert record.__dict__["fields"]["route"] == "/livez"
    assert record.__dict__["fields"]["environment"] == "production"


def test_a_request_id_that_could_forge_a_log_line_is_replaced(client: FlaskClient) -> None:
    answer = client.get("/livez", headers={"X-Request-ID": "a b"})

    assert uuid.UUID(hex=answer.headers["X-Request-ID"]).version == 4


def test_a_log_line_is_json_with_the_request_id_fields_and_trace(client: FlaskClient) -> None:
    formatter = JsonFormatter()
    with client:
        client.get("/livez", headers={"X-Request-ID": "abc-2"})
        record = logging.LogRecord("triage", logging.ERROR, "x.py", 1, "failed %s", ("hard",), None)
        record.__dict__["fields"] = {"status": 500}
        inside = json.loads(formatter.format(record))
    record.exc_info = (ValueError, ValueError("odd"), None)
    outside = json.loads(formatter.format(record))

    assert (inside["message"], inside["request_id"], inside["status"]) == ("failed hard", "abc-2", 500)
    assert outside["request_id"] == ""
    assert "ValueError: odd" in outside["exception"]


def test_an_unforeseen_exception_is_logged_and_its_text_kept_from_the_caller(
    client: FlaskClient, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    identity = str(uuid.uuid4())
    with closing(sqlite3.connect(environ["DATABASE_PATH"])) as connection, connection:
        connection.execute("INSERT INTO records VALUES (?, ?)", (identity, '{"id": "damaged"}'))

    answer = client.get(f"/tickets/{identity}")

    assert answer.status_code == 500
    assert answer.json is not None
    assert answer.json["error"]["type"] == "internal_server_error"
    assert "damaged" not in answer.text
    assert "ValidationError" in caplog.text


def test_gunicorn_gets_the_application_of_the_environment(started: pytest.MonkeyPatch) -> None:
    started.setenv("OPENAI_TIMEOUT_SECONDS", "3.5")

    app = from_environment()

    assert app.test_client().get("/health").status_code == 200


def test_a_start_without_settings_is_refused_with_all_of_them_named(
    started: pytest.MonkeyPatch, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for name in environ:
        started.delenv(name)

    with pytest.raises(SystemExit, match="1"):
        from_environment()

    [record] = caplog.records
    assert record.__dict__["fields"]["problems"] == (
        "ENVIRONMENT is not set",
        "API_TOKEN is not set",
        "OPENAI_API_KEY is not set",
        "TRIAGE_MODEL is not set",
        "DATABASE_PATH is not set",
    )


def test_a_start_without_a_usable_database_is_refused(
    started: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    started.setenv("DATABASE_PATH", str(tmp_path / "absent" / "tickets.db"))

    with pytest.raises(SystemExit, match="1"):
        from_environment()

    [record] = caplog.records
    assert record.__dict__["fields"]["problems"] == [
        "DATABASE_PATH cannot be used: unable to open database file"
    ]


def test_records_outlive_the_process(environ: dict[str, str]) -> None:
    first = create_app(load(environ)).test_client()
    authorisation = {"Authorization": f"Bearer {environ['API_TOKEN']}"}
    created = first.post("/tickets", json=TICKET, headers=authorisation)
    assert created.json is not None

    second = create_app(load(environ)).test_client()
    shown = second.get(f"/tickets/{created.json['id']}", headers=authorisation)

    assert shown.json == created.json
