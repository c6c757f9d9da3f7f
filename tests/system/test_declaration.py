"""Tests of the declaration of a system: strict, complete, every mistake at once."""

from __future__ import annotations

import datetime as dt
import tomllib

import pytest

from pytest_failhard.system import declaration
from pytest_failhard.system.declaration import DeclarationError, System, parse

EXAMPLE = """
kind = "http"
start = ["gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"]
port_env = "PORT"
host_env = "HOST"
environment_env = "ENVIRONMENT"
production = "production"
development = "development"
ready = "/health"
live = "/livez"
openapi = "/openapi.json"
grace_s = 30
manifest = "requirements.txt"
logs = "stdout"
secrets = [{ name = "API_SECRET_KEY" }, { name = "OPENAI_API_KEY", shape = "sk-*", provider = true }]
settings = [{ name = "WEB_CONCURRENCY", type = "int", minimum = 1 }]
routes_excluded = [{ path = "/debug", method = "GET", reason = "only in development" }]

[slo]
p95_ms = 300
success_rate = 0.995

[[routes]]
id = "create"
method = "POST"
path = "/items"
headers = { Authorization = "Bearer ${secret:API_SECRET_KEY}" }
body = { title = "t-${n}", weight = 1.5 }
expect = [201]
needs = ["db"]
capture = { item = "id" }

[[routes]]
id = "ask"
method = "POST"
path = "/ask/${item}"
body = "q=hi"
needs = ["llm"]

[[dependencies]]
name = "db"
url_env = "DATABASE_URL"
provide = { env = "TEST_DATABASE_URL" }
break = "refuse"
"""


def declared(**changes: object) -> System:
    return parse({**tomllib.loads(EXAMPLE), **changes})


def mistakes(**changes: object) -> tuple[str, ...]:
    with pytest.raises(DeclarationError) as caught:
        declared(**changes)
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    prefix = "pyproject.toml: [tool.failhard.system] "
    assert all(each.startswith(prefix) for each in caught.value.mistakes)
    return tuple(each.removeprefix(prefix) for each in caught.value.mistakes)


def test_every_key_is_read() -> None:
    system = declared()
    assert (system.kind, system.port_env, system.ready, system.missing) == ("http", "PORT", "/health", ())
    assert [(secret.name, secret.provider) for secret in system.secrets or ()] == [
        ("API_SECRET_KEY", False),
        ("OPENAI_API_KEY", True),
    ]
    ask = system.route("ask")
    assert ask is not None
    assert (ask.expect, ask.body, ask.needs) == ((200,), "q=hi", ("llm",))
    assert system.route("nothing") is None
    assert system.slo is not None
    assert system.slo.success_rate == 0.995
    assert [each.broken_by for each in system.dependencies or ()] == ["refuse"]


def test_every_mistake_is_listed_at_once() -> None:
    assert mistakes(
        kind="htp",
        starts=["x"],
        port_env="1PORT",
        ready="health",
        ready_log="(",
        grace_s="30",
        secrets=[{"name": "KEY", "providers": True}],
        settings=[{"name": "A B"}],
        routes=[{"path": "/", "expect": []}],
        slo={"success_rate": 2},
    ) == (
        "kind: must be one of 'http', 'worker', 'job' or 'library' (it is 'htp')",
        "port_env: must be the name of an environment variable (it is '1PORT')",
        "ready: must be a path that begins with / (it is 'health')",
        "ready_log: must be a regular expression: missing ), unterminated subpattern at position 0 (it is '(')",
        "grace_s: must be a whole number (it is '30')",
        "secrets[0].providers: unknown key; did you mean provider?",
        "settings[0].name: must be the name of an environment variable (it is 'A B')",
        "routes[0].id: is missing: add it",
        "routes[0].expect: must not be empty (it is [])",
        "slo.success_rate: must be at most 1.0 (it is 2)",
        "starts: unknown key; did you mean start?",
    )


def test_every_contradiction_is_listed_at_once() -> None:
    routes = [
        {"id": "a", "path": "/${item}", "needs": ["db", "cache"], "expect": [200, 404]},
        {"id": "a", "path": "/x", "headers": {"X": "${secret:NO}"}, "body": {"deep": [{"x": "${n} ${m}"}]}},
        {"id": "b", "path": "/x", "expect": [404], "negative": True},
    ]
    secrets = [{"name": "KEY"}, {"name": "KEY"}]
    settings = [{"name": "N", "minimum": 3, "maximum": 2}]
    provides: tuple[dict[str, object], ...] = (
        {},
        {"env": "TEST_DB", "start": ["db"]},
        {"start": ["db"], "url": "tcp://${host}:${port}/${name}"},
        {"start": ["db", "${port}"]},
    )
    dependencies = [
        {"name": name, "url_env": "D", "provide": each}
        for name, each in zip(("db", "d1", "d2", "d3"), provides, strict=True)
    ]
    found = mistakes(
        live="/health",
        production=None,
        routes=routes,
        secrets=secrets,
        settings=settings,
        dependencies=dependencies,
    )
    assert found == (
        "live: must differ from ready: a restart mends no dependency",
        "environment_env, production: name the variable and its value in production, both or none",
        "secrets: KEY stands twice; keep one",
        "routes: a stands twice; keep one",
        "settings[0].minimum: is above maximum; no value satisfies both",
        "dependencies[0].provide: give exactly one of env and start",
        "dependencies[1].provide: give exactly one of env and start",
        "dependencies[1].provide.start: it cannot know its port; name port_env, or write ${port} in an argument",
        "dependencies[2].provide.start: it cannot know its port; name port_env, or write ${port} in an argument",
        "dependencies[2].provide.url: ${name} stands for nothing; there are host, port",
        "routes[0].needs: cache is no declared dependency; declare it in dependencies",
        "routes[0].expect: 404 is an error; say negative = true where an error is right",
        "routes[0]: ${item} stands for nothing; there are n, secret:KEY",
        "routes[1]: ${m} stands for nothing; there are n, secret:KEY",
        "routes[1]: ${secret:NO} stands for nothing; there are n, secret:KEY",
    )


def test_a_library_starts_nothing_and_only_http_has_routes() -> None:
    assert parse({"kind": "library", "secrets": []}).missing == ()
    assert parse({"kind": "worker", "ready_log": "ready in \\d+"}).ready_log == "ready in \\d+"
    assert mistakes(kind="library")[:2] == (
        "start: a library starts nothing; remove it, or set the kind",
        "port_env: only a system of kind http has it; remove it",
    )


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("http", ("start", "port_env", "ready", "secrets")),
        ("worker", ("start", "ready_log", "secrets")),
        ("job", ("start", "secrets", "outputs")),
        ("library", ("secrets",)),
    ],
)
def test_what_a_kind_cannot_be_started_without(kind: str, missing: tuple[str, ...]) -> None:
    assert parse({"kind": kind}).missing == missing


def test_what_no_value_can_be_is_refused() -> None:
    [found] = mistakes(ready=dt.date(2026, 1, 1))
    assert found == "Object of type date is not JSON serializable; write dates and such as text, in quotes"
    assert "Out of range float" in mistakes(grace_s=float("inf"))[0]


def test_problems_are_those_of_the_table_if_there_is_one() -> None:
    assert declaration.problems(None) == ()
    assert declaration.problems(tomllib.loads(EXAMPLE)) == ()
    assert declaration.problems({"kind": "x"}) == (
        (
            "pyproject.toml: [tool.failhard.system] kind: "
            "must be one of 'http', 'worker', 'job' or 'library' (it is 'x')"
        ),
    )


@pytest.mark.parametrize(
    ("required", "missing"),
    [
        (("http.ready", "http.live", "worker.ready_log"), ()),
        (("all.secrets", "all.outputs", "all.purpose", "http.bad_runs"), ("outputs", "bad_runs")),
    ],
)
def test_a_level_names_the_keys_of_a_kind_that_it_demands(
    required: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    assert declared().missing_at(required) == missing


def test_an_empty_list_says_that_there_is_none_and_an_empty_start_says_nothing() -> None:
    empty = parse({"kind": "worker", "start": [], "settings": []})
    assert empty.missing_at(("all.start", "all.settings", "all.dependencies")) == ("start", "dependencies")


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"settings": [{"name": "PORT"}]}, "settings: PORT is declared as port_env already; keep one"),
        ({"host_env": "PORT"}, "host_env: PORT is declared as port_env already; keep one"),
        (
            {"settings": [{"name": "API_SECRET_KEY"}]},
            "settings: API_SECRET_KEY is declared as secrets already; keep one",
        ),
    ],
)
def test_a_variable_serves_one_purpose(changes: dict[str, object], mistake: str) -> None:
    assert mistakes(**changes) == (mistake,)
