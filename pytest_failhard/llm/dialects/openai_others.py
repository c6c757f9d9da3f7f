"""OpenAI's embeddings and legacy completions, and what Azure says differently."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at, items, text_of
from pytest_failhard.llm.dialects.base import CREATED, Context, Dialect, Event, pieces
from pytest_failhard.llm.dialects.openai_chat import CHAT


def _embeddings(context: Context) -> Json:
    encoded = context.request.json.get("encoding_format") == "base64"
    vectors = context.content.vectors
    data: list[Json] = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if encoded else [*vector]}
        for index, vector in enumerate(vectors)
    ]
    used = context.usage.input
    return {
        "object": "list",
        "data": data,
        "model": context.model,
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


EMBEDDINGS = replace(CHAT, body=_embeddings)


def _completion(context: Context) -> Json:
    used = context.usage
    return {
        "id": context.identifier("cmpl-"),
        "object": "text_completion",
        "created": CREATED,
        "model": context.model,
        "choices": [{"text": context.content.text, "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": used.input,
            "completion_tokens": used.output,
            "total_tokens": used.input + used.output,
        },
    }


def _completion_events(_context: Context, whole: Json) -> tuple[Event, ...]:
    known: dict[str, Json] = {**whole} if isinstance(whole, dict) else {}
    known.pop("usage", None)
    found: list[Event] = []
    for choice in items(at(whole, "choices")):
        texts = [*pieces(text_of(at(choice, "text")))]
        for text in texts:
            said: Json = [{"text": text, "index": 0, "logprobs": None, "finish_reason": None}]
            found.append(Event(part="text", data=known | {"choices": said}))
        reason = text_of(at(choice, "finish_reason")) or None
        ended: Json = [{"text": "", "index": 0, "logprobs": None, "finish_reason": reason}]
        found.append(Event(part="finish", data=known | {"choices": ended}))
    return (*found, Event(part="done", raw="[DONE]"))


COMPLETIONS = replace(CHAT, body=_completion, events=_completion_events)


def _azure_headers(context: Context) -> Mapping[str, str]:
    return {
        "apim-request-id": context.request_id,
        "x-request-id": context.request_id,
        "x-ms-region": "East US",
    }


def _azure_error(_context: Context, status: int, message: str) -> Json:
    return {"error": {"code": str(status), "message": message}}


def azure(dialect: Dialect) -> Dialect:
    """Return one of OpenAI's operations as Azure answers it: the same bodies, its own headers and errors."""
    return replace(dialect, headers=_azure_headers, error=_azure_error)
