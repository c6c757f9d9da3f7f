"""Requests as the SDKs send them, one for each dialect and feature: what a fault is shown with."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_failhard.llm import providers
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.request import Request

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""The time in every sample."""
REQUEST_ID = "req_" + "0123456789abcdef" * 2
CANARIES = Canaries(
    label="sample",
    head="headofword",
    middle="middleword",
    tail="tailofword",
    number=1234567,
    poison="poisonword",
    keys={},
)
"""Words that say what they are for, where a case draws random ones."""
_KEY = "sk-sample-0000"
_QUESTION = "Where is it raining?"
_PARAMETERS: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_BEARER = ("authorization", f"Bearer {_KEY}")


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a dialect is asked, and how it is told to stream."""

    target: str
    body: Mapping[str, Json]
    streaming: str = ""
    """The target of a stream, where the target tells."""
    header: tuple[str, str] = _BEARER
    by_host: bool = False
    """Whether only the host tells it from another dialect."""


_MESSAGES: Json = [{"role": "user", "content": _QUESTION}]
_CHAT: Mapping[str, Json] = {"model": "gpt-4o-mini", "messages": _MESSAGES}
_GEMINI = "/v1beta/models/gemini-2.5-flash"
_BEDROCK = "/model/anthropic.claude-3-haiku-20240307-v1:0"

PLACES: Mapping[str, _Place] = {
    "openai": _Place(target="/v1/chat/completions", body=_CHAT),
    "openai_responses": _Place(target="/v1/responses", body={"model": "gpt-4o-mini", "input": _QUESTION}),
    "openai_embeddings": _Place(
        target="/v1/embeddings",
        body={
            "model": "text-embedding-3-small",
            "input": [_QUESTION, "Where is it dry?"],
            "dimensions": 4,
            "encoding_format": "base64",
        },
    ),
    "azure": _Place(
        target="/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21",
        body=_CHAT,
        header=("api-key", _KEY),
    ),
    "anthropic": _Place(
        target="/v1/messages",
        body={"model": "claude-sonnet-4-5", "max_tokens": 1024, "messages": _MESSAGES},
        header=("x-api-key", _KEY),
    ),
    "gemini": _Place(
        target=f"{_GEMINI}:generateContent",
        streaming=f"{_GEMINI}:streamGenerateContent?alt=sse",
        body={"contents": [{"role": "user", "parts": [{"text": _QUESTION}]}]},
        header=("x-goog-api-key", _KEY),
    ),
    "bedrock": _Place(
        target=f"{_BEDROCK}/converse",
        streaming=f"{_BEDROCK}/converse-stream",
        body={"messages": [{"role": "user", "content": [{"text": _QUESTION}]}]},
        header=(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=SAMPLE/20260115/us-east-1/bedrock/aws4_request",
        ),
    ),
    "groq": _Place(target="/openai/v1/chat/completions", body=_CHAT, by_host=True),
    "mistral": _Place(target="/v1/chat/completions", body=_CHAT, by_host=True),
    "openrouter": _Place(target="/api/v1/chat/completions", body=_CHAT, by_host=True),
    "cohere": _Place(target="/v2/chat", body={"model": "command-r", "messages": _MESSAGES}),
    "ollama": _Place(target="/api/chat", body={"model": "llama3.2", "messages": _MESSAGES, "stream": False}),
}
"""By dialect."""

_FUNCTION: Json = {"name": "weather", "parameters": _PARAMETERS}
_TOOLS: Mapping[str, Mapping[str, Json]] = {
    "anthropic": {
        "tools": [{"name": "weather", "input_schema": _PARAMETERS}],
        "tool_choice": {"type": "any"},
    },
    "gemini": {
        "tools": [{"functionDeclarations": [_FUNCTION]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    },
}
_OPENAI_TOOLS: Mapping[str, Json] = {
    "tools": [{"type": "function", "function": _FUNCTION}],
    "tool_choice": "required",
}
_JSON: Mapping[str, Json] = {"response_format": {"type": "json_object"}}


def request(dialect: str, needs: Collection[str]) -> Request:
    """Return a request that makes use of the features that a fault needs."""
    place = PLACES[dialect]
    streams = "stream" in needs
    body = {**place.body, **_features(dialect, needs)}
    if streams and not place.streaming:
        body["stream"] = True
    return Request(
        method="POST",
        target=place.streaming if streams and place.streaming else place.target,
        headers=(("content-type", "application/json"), place.header),
        body=json.dumps(body).encode(),
        origin=providers.load().of(dialect).hosts[0] if place.by_host else "",
    )


def _features(dialect: str, needs: Collection[str]) -> Mapping[str, Json]:
    added: dict[str, Json] = {}
    if "tools" in needs:
        added.update(_TOOLS.get(dialect, _OPENAI_TOOLS))
    if "json" in needs:
        added.update(_JSON)
    if "choices" in needs:
        added["n"] = 2
    return added
