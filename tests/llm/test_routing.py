"""Requests are recognised by the suffix of their path, whatever the base URL is."""

from __future__ import annotations

import json

import pytest

from pytest_failhard.llm.keys import masked, presented
from pytest_failhard.llm.request import Request, Route
from pytest_failhard.llm.routing import is_azure, route

CHAT = "/chat/completions"


def _posted(target: str, body: object = None, origin: str = "", **headers: str) -> Request:
    listed = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request("POST", target, listed, json.dumps(body or {}).encode(), origin)


@pytest.mark.parametrize(
    ("target", "dialect", "name"),
    [
        ("/v1/chat/completions", "openai", CHAT),
        ("/chat/completions", "openai", CHAT),
        ("/some/base/chat/completions/", "openai", CHAT),
        ("/v1/completions", "openai", "/completions"),
        ("/openai/v1/chat/completions", "groq", CHAT),
        ("/api/v1/chat/completions", "openrouter", CHAT),
        ("/openai/deployments/gpt/chat/completions?api-version=1", "azure", CHAT),
        ("/v1/responses", "openai_responses", "/responses"),
        ("/v1/embeddings", "openai_embeddings", "/embeddings"),
        ("/v1/messages", "anthropic", "/messages"),
        ("/v1beta/models/g:generateContent", "gemini", ":generateContent"),
        ("/models/g:streamGenerateContent?alt=sse", "gemini", ":streamGenerateContent"),
        ("/model/anthropic.claude/converse", "bedrock", "/converse"),
        ("/model/anthropic.claude/converse-stream", "bedrock", "/converse-stream"),
        ("/model/anthropic.claude/invoke", "bedrock", "/invoke"),
        ("/model/m/invoke-with-response-stream", "bedrock", "/invoke-with-response-stream"),
        ("/v2/chat", "cohere", "/v2/chat"),
        ("/api/chat", "ollama", "/api/chat"),
        ("/api/generate", "ollama", "/api/generate"),
    ],
)
def test_a_call_is_recognised_by_its_suffix(target: str, dialect: str, name: str) -> None:
    found = route(_posted(target))

    assert (found.dialect, found.name, found.kind) == (dialect, name, "call")


@pytest.mark.parametrize(
    ("origin", "dialect"),
    [
        ("api.groq.com", "groq"),
        ("api.mistral.ai:443", "mistral"),
        ("openrouter.ai", "openrouter"),
        ("mine.openai.azure.com", "azure"),
        ("notgroq.com", "openai"),
    ],
)
def test_the_host_that_was_meant_tells_the_provider(origin: str, dialect: str) -> None:
    assert route(_posted("/v1/chat/completions", origin=origin)).dialect == dialect


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/v1/models", "catalogue"),
        ("/v1/models/gpt-4o", "catalogue"),
        ("/v1/moderations", "catalogue"),
        ("/BerriAI/litellm/main/model_prices_and_context_window.json", "noise"),
        ("/v1/files", "unknown"),
        ("/", "unknown"),
    ],
)
def test_what_is_no_call_is_told_apart(target: str, kind: str) -> None:
    assert route(_posted(target)).kind == kind


def test_an_unknown_route_is_named_by_its_path() -> None:
    assert route(_posted("/v1/files?purpose=x")).name == "/v1/files"


def test_a_list_of_models_follows_the_key_that_asks() -> None:
    assert route(_posted("/v1/models", anthropic_version="2023-06-01")).dialect == "anthropic"
    assert route(_posted("/v1beta/models", x_goog_api_key="k")).dialect == "gemini"
    assert route(_posted("/v1beta/models?key=k")).dialect == "gemini"


@pytest.mark.parametrize(
    ("target", "body", "model"),
    [
        ("/v1/chat/completions", {"model": "gpt-4o"}, "gpt-4o"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", {}, "gemini-2.5-flash"),
        ("/model/eu.anthropic.claude%3A1/converse", {}, "eu.anthropic.claude:1"),
        ("/openai/deployments/mine/chat/completions", {}, "mine"),
        ("/v1/models/gpt-4o", {}, "gpt-4o"),
        ("/v1/chat/completions", {"model": 3}, ""),
    ],
)
def test_the_model_is_in_the_body_or_in_the_path(target: str, body: dict[str, object], model: str) -> None:
    assert route(_posted(target, body)).model == model


@pytest.mark.parametrize(
    ("target", "body", "stream"),
    [
        ("/v1/chat/completions", {"stream": True}, True),
        ("/v1/chat/completions", {"stream": False}, False),
        ("/v1/chat/completions", {"stream": "yes"}, False),
        ("/v1/chat/completions", {}, False),
        ("/api/chat", {}, True),
        ("/api/chat", {"stream": False}, False),
        ("/models/g:streamGenerateContent", {}, True),
        ("/models/g:generateContent", {"stream": True}, False),
        ("/model/m/converse-stream", {}, True),
    ],
)
def test_the_body_or_the_path_says_whether_it_streams(
    target: str, body: dict[str, object], stream: bool
) -> None:
    assert route(_posted(target, body)).stream is stream


def test_azure_is_known_whatever_is_asked_of_it() -> None:
    request = _posted("/openai/deployments/ada/embeddings?api-version=1")

    assert route(request) == Route(
        dialect="openai_embeddings", name="/embeddings", kind="call", model="ada", stream=False
    )
    assert is_azure(request)
    assert not is_azure(_posted("/v1/embeddings"))


@pytest.mark.parametrize(
    "request_",
    [
        _posted("/v1/x", authorization="Bearer key-1234567"),
        _posted("/v1/x", authorization="bearer  key-1234567"),
        _posted("/v1/x", x_api_key="key-1234567"),
        _posted("/v1/x", api_key="key-1234567"),
        _posted("/v1/x", x_goog_api_key="key-1234567"),
        _posted("/v1/x?key=key-1234567"),
        _posted("/v1/x", authorization="AWS4-HMAC-SHA256 Credential=key-1234567/2026/us/s, Signature=a"),
    ],
)
def test_a_key_is_found_wherever_a_dialect_puts_it(request_: Request) -> None:
    assert presented(request_) == "key-1234567"


def test_no_key_is_no_key() -> None:
    assert presented(_posted("/v1/x", authorization="Basic abc")) == ""


def test_a_key_is_masked_as_the_providers_do() -> None:
    assert masked("sk-proj-abcdef1234") == "sk-pro***1234"
    assert masked("short") == "***"
