"""What an answer shows of the inside is found, and an honest error is left alone."""

from __future__ import annotations

import pytest

from pytest_failhard.system.traces import traces, versions

TRACE = 'Traceback (most recent call last):\n  File "/srv/app/main.py", line 3, in show\nKeyError: 7'


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        (TRACE, ("traceback", "exception-text", "source-path")),
        (TRACE.replace('"', "&#34;"), ("traceback", "exception-text", "source-path")),
        ('{"error": "KeyError(\'x\')"}', ("exception-text",)),
        ('{"error": "sqlite3.OperationalError: no such column: x"}', ("exception-text",)),
        ('{"error": "sqlalchemy.exc.IntegrityError"}', ("exception-text",)),
        ('{"error": "psycopg.errors"}', ("exception-text",)),
        ('{"error": "division by zero"}', ("exception-text",)),
        ('{"error": "invalid literal for int() with base 10: \'abc\'"}', ("exception-text",)),
        ('{"error": "&#39;NoneType&#39; object has no attribute"}', ("exception-text",)),
        ('{"error": "in /opt/venv/lib/python3.13/site-packages/flask"}', ("source-path",)),
        ('{"error": "cannot write /run/here/data"}', ("source-path",)),
        ('{"error": "near: SELECT id,\\n title FROM items"}', ("sql",)),
        ('{"error": "select title from items where id = x"}', ("sql",)),
        ('{"error": "insert into items (title) values (1)"}', ("sql",)),
    ],
)
def test_each_trace_is_found(text: str, slugs: tuple[str, ...]) -> None:
    assert traces(text, ["/run/here"]) == slugs


@pytest.mark.parametrize(
    "text",
    [
        '{"error": {"type": "ValidationError", "message": "title: must be text"}}',
        '{"schemas": {"HTTPValidationError": {"type": "object"}}}',
        '{"error": {"type": "not_found", "message": "no item has this id"}}',
        "<h1>Internal Server Error</h1>",
        "Please select one of the options from the list",
        '{"path": "/items/7", "script": "/static/app.js"}',
        "an Error occurred: try again",
    ],
)
def test_an_honest_error_is_left_alone(text: str) -> None:
    assert traces(text, ["/run/here"]) == ()


def test_versions_are_found_where_servers_name_themselves() -> None:
    headers = [("Server", "Werkzeug/3.1.9 Python/3.11.7"), ("x-powered-by", "PHP/8.2"), ("Date", "1.1")]
    assert versions(headers) == {"Server": "Werkzeug/3.1.9 Python/3.11.7", "x-powered-by": "PHP/8.2"}
    assert versions([("Server", "gunicorn"), ("X-Version", "1.2")]) == {}
