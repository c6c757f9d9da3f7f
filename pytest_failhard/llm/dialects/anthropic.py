"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at, items, text_of
from pytest_failhard.llm.dialects.base import (
    Context,
    Dialect,
    Event,
    Framing,
    Part,
    arguments,
    compact,
    count,
    pieces,
    server_sent,
)
from pytest_failhard.llm.ledger import Usage

STOP_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_LIMITS = {"requests": 50, "tokens": 40000, "input-tokens": 30000, "output-tokens": 8000}
_FRAMING = Framing(
    media_type="text/event-stream; charset=utf-8",
    encode=server_sent,
    heartbeat=b'event: ping\ndata: {"type":"ping"}\n\n',
)


def _headers(context: Context) -> Mapping[str, str]:
    return {"request-id": context.request_id}


def _limits(context: Context) -> dict[str, str]:
    """Return Anthropic's `anthropic-ratelimit-*` headers of a healthy answer; resets are in RFC 3339."""
    used = context.usage
    spent = {
        "requests": 1,
        "tokens": used.input + used.output,
        "input-tokens": used.input,
        "output-tokens": used.output,
    }
    reset = f"{context.now + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    found: dict[str, str] = {}
    for name, limit in _LIMITS.items():
        found[f"anthropic-ratelimit-{name}-limit"] = str(limit)
        found[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, limit - spent[name]))
        found[f"anthropic-ratelimit-{name}-reset"] = reset
    return found


def _error(context: Context, status: int, message: str) -> Json:
    kind = _KINDS.get(status, "api_error")
    failure: Json = {"type": kind, "message": message}
    return {"type": "error", "error": failure, "request_id": context.request_id}


def body(context: Context) -> Json:
    """Return a message with one text block, or with tool use."""
    used = context.usage
    content = context.content
    return {
        "id": context.identifier("msg_"),
        "type": "message",
        "role": "assistant",
        "model": context.model,
        "content": _blocks(context),
        "stop_reason": STOP_REASONS.get(content.finish, content.finish),
        "stop_sequence": None,
        "usage": {"input_tokens": used.input, "output_tokens": used.output},
    }


def _blocks(context: Context) -> list[Json]:
    calls = context.content.tool_calls
    if not calls:
        return [{"type": "text", "text": context.content.text}]
    return [
        {
            "type": "tool_use",
            "id": call.id.replace("call_", "toolu_", 1),
            "name": call.name,
            "input": arguments(call.arguments),
        }
        for call in calls
    ]


def usage(whole: Json) -> Usage:
    """Return the tokens that a message reports."""
    return Usage(
        input=count(at(whole, "usage", "input_tokens")),
        cached=count(at(whole, "usage", "cache_read_input_tokens")),
        output=count(at(whole, "usage", "output_tokens")),
    )


def events(_context: Context, whole: Json) -> tuple[Event, ...]:
    """Return a message as its events."""
    known = whole if isinstance(whole, dict) else {}
    spent: Json = {"input_tokens": count(at(whole, "usage", "input_tokens")), "output_tokens": 1}
    opened: Json = {**known, "content": [], "stop_reason": None, "usage": spent}
    found = [_event("start", "message_start", {"message": opened})]
    for index, block in enumerate(items(known.get("content"))):
        found.extend(_block(index, block if isinstance(block, dict) else {}))
    delta: Json = {"stop_reason": known.get("stop_reason"), "stop_sequence": known.get("stop_sequence")}
    ending: dict[str, Json] = {"delta": delta}
    if "usage" in known:
        ending["usage"] = {"output_tokens": usage(whole).output}
    return (*found, _event("finish", "message_delta", ending), _event("done", "message_stop", {}))


def _block(index: int, block: dict[str, Json]) -> list[Event]:
    opening, deltas = _tool_block(block) if block.get("type") == "tool_use" else _text_block(block)
    part: Part = "tool" if block.get("type") == "tool_use" else "text"
    return [
        _event("start", "content_block_start", {"index": index, "content_block": opening}),
        *(_event(part, "content_block_delta", {"index": index, "delta": delta}) for delta in deltas),
        _event("finish", "content_block_stop", {"index": index}),
    ]


def _text_block(block: dict[str, Json]) -> tuple[Json, list[Json]]:
    deltas: list[Json] = [{"type": "text_delta", "text": each} for each in pieces(text_of(block.get("text")))]
    return {**block, "text": ""}, deltas


def _tool_block(block: dict[str, Json]) -> tuple[Json, list[Json]]:
    given = block.get("input")
    # A text is arguments that are no JSON.
    text = given if isinstance(given, str) else compact(given)
    deltas: list[Json] = [{"type": "input_json_delta", "partial_json": each} for each in pieces(text)]
    return {**block, "input": {}}, deltas


def _event(part: Part, name: str, data: dict[str, Json]) -> Event:
    return Event(part=part, name=name, data={"type": name, **data})


def _framing(_context: Context) -> Framing:
    return _FRAMING


ANTHROPIC = Dialect(
    body=body,
    events=events,
    headers=_headers,
    usage=usage,
    error=_error,
    framing=_framing,
    limits=_limits,
)
