"""Tests of `[tool.failhard.llm]`: as it is written, through the policies, every mistake at once."""

from __future__ import annotations

import json
import tomllib
from datetime import date

import pytest

from pytest_failhard import policy
from pytest_failhard.config import ConfigError, merge_settings
from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.llm.calls import CallsError, Result, calls, result
from pytest_failhard.model import LEVELS, Rule
from tests.support import GATES

EXAMPLE = """
providers = ["openai"]
deadline = 20
max_attempts = 2
timeout_env = { LLM_TIMEOUT = "0.5" }
egress_allow = [{ host = "vault.example.org", reason = "secrets are read there" }]

[[calls]]
id = "summarise"
route = "ask"
result = "json:/summary"
canary = "text"
answers = "tests/llm/summarise.yaml"
error_status = [502, 503, 504]

[[calls]]
id = "report"
command = ["python", "-m", "app.report"]
result = "file:out/report.json json:/total"
canary = "number"

[[calls]]
id = "sort"
callable = "app.sorting:Sorter.sort"
input = { texts = ["a", "b"], options = { deep = true } }
canary = "choice"

[[fallbacks]]
from = "openai:gpt-4o"
to = "openai:gpt-4o-mini"
on = ["overloaded", "rate_limit_rpm"]
attribution = "json:/model"
owner = "ops"
reason = "the smaller model is good enough for an hour"

[limits."gpt-4o-mini"]
rpm = 240
tpm = 600000

[budget]
usd = "0.50"

[circuit]
after = 5
cooldown = 30
"""


def rule(level: int) -> Rule:
    rules = policy.load(level, GATES, today=date(2026, 11, 20)).rules
    return next(each for each in rules if each.gate == "llm")


def merged(level: int = 3, **changes: object) -> LlmSettings:
    table = {**tomllib.loads(EXAMPLE), **changes}
    return merge_settings("llm", LlmSettings, rule(level), json.loads(json.dumps(table)))


def mistakes(**changes: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        merged(**changes)  # type: ignore[arg-type]  # the level is not among them
    return [
        each.removeprefix("pyproject.toml: [tool.failhard.llm]").lstrip(": ")
        for each in caught.value.mistakes
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_every_key_is_read_at_every_level(level: int) -> None:
    settings = merged(level)
    assert (settings.deadline, settings.max_attempts, settings.providers) == (20, 2, ("openai",))
    assert [(call.id, call.form, call.where) for call in settings.calls] == [
        ("summarise", "route", Result(place="body", pointer="/summary")),
        ("report", "command", Result(place="file", path="out/report.json", pointer="/total")),
        ("sort", "callable", Result(place="return")),
    ]
    assert settings.calls[2].input == {"texts": ["a", "b"], "options": {"deep": True}}
    assert [(each.source, each.to) for each in settings.fallbacks] == [
        ("openai:gpt-4o", "openai:gpt-4o-mini")
    ]
    assert settings.limits["gpt-4o-mini"].rpm == 240
    assert settings.budget is not None
    assert settings.budget.usd == "0.50"
    assert settings.circuit is not None
    assert (settings.circuit.after, settings.circuit.cooldown) == (5, 30)


@pytest.mark.parametrize("level", LEVELS)
def test_without_a_table_the_policy_s_values_stand(level: int) -> None:
    settings = merge_settings("llm", LlmSettings, rule(level), {})
    assert (settings.deadline, settings.max_attempts, settings.calls) == (30, 3, ())
    assert settings.deadline_most == {1: 60, 2: 60, 3: 30, 4: 30}[level]


def test_every_mistake_is_listed_at_once() -> None:
    calls = [
        {"id": "a", "route": "x", "callable": "a:b"},
        {"id": "b"},
        {"id": "c", "callable": "a.b", "result": "body"},
        {"id": "d", "route": "x", "input": {"a": 1}, "result": "elsewhere"},
        {"id": "e", "command": [], "canary": "words", "error_status": [200]},
        {"id": "f", "route": "x", "result": "file:../../etc/passwd"},
        {"id": "g", "route": "x", "cost": "header:x-cost"},
    ]
    assert mistakes(
        provider="openai",
        max_attempts=4,
        timeout_env={"A B": "1"},
        egress_allow=[{"host": "https://x/"}],
        calls=calls,
        fallbacks=[{"from": "gpt", "to": "openai:x", "on": [], "attribution": "body", "owner": "o"}],
        limits={"m": {}, "n": {"rpm": 0}},
        budget={"usd": "cheap"},
        circuit={"after": 5, "cooldown_env": "1X"},
    ) == [
        "max_attempts: may only be tightened: 4 is above 3; remove it or make it stricter",
        "provider: unknown key; did you mean providers?",
        "timeout_env: 'A B' is no name of an environment variable",
        "egress_allow[0].host: must be a host, such as vault.example.org (it is 'https://x/')",
        "egress_allow[0].reason: is missing: add it",
        "calls[0]: give exactly one of route, command, callable (given: route, callable)",
        "calls[1]: give exactly one of route, command, callable (given: none)",
        (
            "calls[2]: callable: must be package.module:function (it is 'a.b'); "
            "result: a callable has no body; it has return, stdout, file"
        ),
        (
            "calls[3]: input: only a callable takes it; a route's is its body, a command's its arguments; "
            "result: 'elsewhere' says no place; write body, stdout, return or file:PATH, "
            "and json:/POINTER for a value in it"
        ),
        "calls[4].command: must not be empty (it is [])",
        "calls[4].canary: must be one of 'text', 'number' or 'choice' (it is 'words')",
        "calls[4].error_status[0]: must be at least 400 (it is 200)",
        "calls[5]: result: '../../etc/passwd' must be a path inside the project",
        "calls[6]: cost: must be json:/POINTER, a place in the answer (it is 'header:x-cost')",
        "fallbacks[0].from: must be provider:model, such as openai:gpt-4o (it is 'gpt')",
        "fallbacks[0].on: must not be empty (it is [])",
        "fallbacks[0].reason: is missing: add it",
        "limits.m: give rpm, tpm, or both",
        "limits.n.rpm: must be above 0 (it is 0)",
        "budget.usd: must be an amount above 0, in quotes, such as '0.50' (it is 'cheap')",
        "circuit.cooldown: is missing: add it",
        "circuit.cooldown_env: '1X' is no name of an environment variable",
    ]


def test_what_contradicts_itself_is_the_project_s_mistake_not_the_policy_s() -> None:
    calls = [{"id": "a", "route": "x"}, {"id": "a", "route": "y"}]
    assert mistakes(deadline=31, calls=calls, budget={"tokens": 5}) == [
        "deadline: 31 is above the level's maximum of 30; calls: the id a stands twice; keep one"
    ]
    assert mistakes(budget={}) == ["budget: give usd, tokens or requests"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Result(place="stdout")),
        ("stdout", Result(place="stdout")),
        ("json:", Result(place="stdout", pointer="")),
        ("stdout json:/a/0", Result(place="stdout", pointer="/a/0")),
        ("file:a.txt", Result(place="file", path="a.txt")),
    ],
)
def test_where_a_result_is(text: str, found: Result) -> None:
    assert result(text, "command") == found


@pytest.mark.parametrize("text", ["json:x", "file:", "stdout ", "file:/etc/passwd", "body", "return json:/x"])
def test_what_is_no_place_of_a_command_s_result(text: str) -> None:
    with pytest.raises(ValueError, match="result: "):
        result(text, "command")


def test_the_known_keys_of_a_call_are_those_that_it_can_have() -> None:
    with pytest.raises(CallsError) as caught:
        calls({"calls": [{"id": "ask", "route": "ask", "colour": "red"}]})
    known = "answers, callable, canary, command, cost, error_status, id, input, result, route"
    assert str(caught.value).endswith(f"calls[0].colour: unknown key; known: {known}")
