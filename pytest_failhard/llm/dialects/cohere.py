"""Cohere's chat, version 2."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at, items, text_of
from pytest_failhard.llm.dialects.base import (
    Context,
    Dialect,
    Event,
    Part,
    count,
    pieces,
    server_sent_framing,
)
from pytest_failhard.llm.ledger import Usage

FINISH_REASONS = {
    "stop": "COMPLETE",
    "tool_calls": "TOOL_CALL",
    "length": "MAX_TOKENS",
    "content_filter": "ERROR",
}


def _headers(context: Context) -> Mapping[str, str]:
    return {"x-request-id": context.request_id}


def _error(context: Context, _status: int, message: str) -> Json:
    return {"id": context.request_id, "message": message}


def body(context: Context) -> Json:
    """Return a chat response."""
    content = context.content
    used = context.usage
    spent: Json = {"input_tokens": used.input, "output_tokens": used.output}
    return {
        "id": context.identifier(""),
        "finish_reason": FINISH_REASONS.get(content.finish, content.finish),
        "message": _message(context),
        "usage": {"billed_units": spent, "tokens": spent},
    }


def _message(context: Context) -> Json:
    content = context.content
    if not content.tool_calls:
        return {"role": "assistant", "content": [{"type": "text", "text": content.text}]}
    calls: list[Json] = [
        {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
        for each in content.tool_calls
    ]
    return {"role": "assistant", "tool_plan": "", "tool_calls": calls}


def usage(whole: Json) -> Usage:
    """Return the tokens that a response reports."""
    return Usage(
        input=count(at(whole, "usage", "billed_units", "input_tokens")),
        output=count(at(whole, "usage", "billed_units", "output_tokens")),
    )


def events(_context: Context, whole: Json) -> tuple[Event, ...]:
    """Return a response as its events."""
    identifier = text_of(at(whole, "id"))
    opening: Json = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}}
    found = [_event("start", "message-start", {"id": identifier, "delta": opening})]
    for index, part in enumerate(items(at(whole, "message", "content"))):
        found.extend(_text(index, text_of(at(part, "text"))))
    for index, call in enumerate(items(at(whole, "message", "tool_calls"))):
        found.extend(_call(index, call))
    known = whole if isinstance(whole, dict) else {}
    ending: dict[str, Json] = {name: known[name] for name in ("finish_reason", "usage") if name in known}
    return (*found, _event("finish", "message-end", {"id": identifier, "delta": ending}))


def _event(part: Part, name: str, data: dict[str, Json]) -> Event:
    return Event(part=part, name=name, data={"type": name, **data})


def _text(index: int, text: str) -> list[Event]:
    opening: Json = {"message": {"content": {"type": "text", "text": ""}}}
    deltas: list[Json] = [{"message": {"content": {"text": each}}} for each in pieces(text)]
    return [
        _event("start", "content-start", {"index": index, "delta": opening}),
        *(_event("text", "content-delta", {"index": index, "delta": delta}) for delta in deltas),
        _event("finish", "content-end", {"index": index}),
    ]


def _call(index: int, call: object) -> list[Event]:
    name = text_of(at(call, "function", "name"))
    function: Json = {"name": name, "arguments": ""}
    called: Json = {"id": text_of(at(call, "id")), "type": "function", "function": function}
    opening: Json = {"message": {"tool_calls": called}}
    deltas: list[Json] = [
        {"message": {"tool_calls": {"function": {"arguments": each}}}}
        for each in pieces(text_of(at(call, "function", "arguments")))
    ]
    return [
        _event("start", "tool-call-start", {"index": index, "delta": opening}),
        *(_event("tool", "tool-call-delta", {"index": index, "delta": delta}) for delta in deltas),
        _event("finish", "tool-call-end", {"index": index}),
    ]


COHERE = Dialect(
    body=body,
    events=events,
    headers=_headers,
    usage=usage,
    error=_error,
    framing=server_sent_framing,
)
