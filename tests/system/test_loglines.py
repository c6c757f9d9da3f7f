"""Lines of a log: whose they are, whether they are JSON, and what they admit."""

from __future__ import annotations

import json

import pytest

from pytest_failhard.system.loglines import APPLICATION, PHRASES, lines, telling

FORMS = {
    "[2026-11-21 22:10:13 +0000] [1718] [INFO] Starting gunicorn 27.0.1": "gunicorn",
    "[2026-11-21 22:10:13 +0100] [1718] [INFO] Running on http://127.0.0.1:8000 (CTRL + C to quit)": "gunicorn",
    "INFO:     Started server process [7]": "uvicorn",
    "INFO:     Application startup complete.": "uvicorn",
    'INFO:     127.0.0.1:50000 - "GET / HTTP/1.1" 200 OK': "uvicorn",
    " * Serving Flask app 'app'": "werkzeug",
    "\x1b[31m\x1b[1mWARNING: This is a development server. Do not use it.\x1b[0m": "werkzeug",
    "Press CTRL+C to quit": "werkzeug",
    '127.0.0.1 - - [21/Nov/2026 22:10:13] "\x1b[33mGET /x HTTP/1.1\x1b[0m" 404 -': "an access log",
    '10.0.0.1 - joe [21/Nov/2026:22:10:13 +0000] "GET / HTTP/1.1" 200 2 "-" "curl"': "an access log",
    "INFO:app:started": APPLICATION,
    "INFO:     loaded 7 rules": APPLICATION,
    "created item x": APPLICATION,
    "{broken": APPLICATION,
    "[1, 2]": APPLICATION,
}


@pytest.mark.parametrize(("text", "by"), FORMS.items(), ids=str)
def test_each_form_is_known(text: str, by: str) -> None:
    [line] = lines(f"\n{text}\n  \n")
    assert (line.by, line.is_json) == (by, False)


def test_an_object_a_line_is_json() -> None:
    [line] = lines('  {"level": "error", "message": "x"}\r\n')
    assert (line.by, line.is_json, line.is_error) == (APPLICATION, True, True)


def phrases(*texts: str, failed: tuple[str, ...] = ()) -> list[str]:
    return [phrase for phrase, _ in telling(lines("\n".join(texts)), PHRASES, failed)]


@pytest.mark.parametrize(
    "text",
    [
        "WARNING: database unavailable, continuing without it",
        "Falling back to cache",
        "no key: using default model",
        "MOCK_MODE is on; mocked answers",
        "loading sample data",
        "simulated payment",
        "running in degraded mode",
        "skipping validation of input",
        '{"level": "WARNING", "message": "continuing"}',
    ],
)
def test_going_on_regardless_is_found(text: str) -> None:
    assert phrases(text)


@pytest.mark.parametrize(
    "text", ["hammock sold", "discontinuing orders", "dissimulation", "a default is used"]
)
def test_words_that_hold_a_phrase_by_chance_are_left_alone(text: str) -> None:
    assert phrases(text) == []


def test_an_error_that_the_caller_was_told_of_is_none() -> None:
    error = json.dumps({"level": "ERROR", "message": "degraded", "request_id": "abc"})
    assert phrases(error, failed=("abc",)) == []
    assert phrases(error, '{"status": 503}') == []
    assert phrases("ERROR app: degraded", '1.2.3.4 - - [21/Nov/2026 22:10:13] "GET / HTTP/1.1" 500 -') == []


def test_an_error_before_a_success_counts_like_any_other_line() -> None:
    error = json.dumps({"level": "ERROR", "message": "degraded", "request_id": "abc"})
    assert len(phrases(error, '{"status": 200}', failed=("xyz",))) == 1
    assert len(phrases(error)) == 1
    assert len(phrases("INFO degraded", '{"status": 503}')) == 1
