"""OpenAI's chat completions, the wire that most providers share."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_failhard.llm import asked, hints
from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import ToolCall, at, items, text_of
from pytest_failhard.llm.dialects.base import (
    CREATED,
    Context,
    Dialect,
    Event,
    Part,
    count,
    pieces,
    server_sent_framing,
)
from pytest_failhard.llm.ledger import Usage

VERSION = "2020-10-01"


def headers(context: Context) -> Mapping[str, str]:
    """Return what OpenAI sends with every answer."""
    return {
        "x-request-id": context.request_id,
        "openai-processing-ms": "12",
        "openai-version": VERSION,
    }


def limits(context: Context) -> Mapping[str, str]:
    """Return what OpenAI tells of its rate limits."""
    return hints.rate_limits(context.usage)


def error(_context: Context, status: int, message: str) -> Json:
    """Return OpenAI's error body."""
    kind = "server_error" if status >= 500 or status == 200 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def body(context: Context) -> Json:
    """Return a chat completion, with as many choices as were asked for."""
    used = context.usage
    return {
        "id": context.identifier("chatcmpl-"),
        "object": "chat.completion",
        "created": CREATED,
        "model": context.model,
        "choices": [_choice(context, index) for index in range(asked.choices(context.request))],
        "usage": {
            "prompt_tokens": used.input,
            "completion_tokens": used.output,
            "total_tokens": used.input + used.output,
        },
        "system_fingerprint": f"fp_{context.canaries.middle}",
    }


def _choice(context: Context, index: int) -> Json:
    content = context.content
    message: dict[str, Json] = {"role": "assistant", "content": content.text, "refusal": None}
    if content.tool_calls:
        message |= {"content": None, "tool_calls": [_tool_call(call) for call in content.tool_calls]}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": content.finish}


def _tool_call(call: ToolCall) -> Json:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def usage(whole: Json) -> Usage:
    """Return the tokens that a chat completion reports."""
    return Usage(
        input=count(at(whole, "usage", "prompt_tokens")),
        cached=count(at(whole, "usage", "prompt_tokens_details", "cached_tokens")),
        output=count(at(whole, "usage", "completion_tokens")),
    )


def events(context: Context, whole: Json) -> tuple[Event, ...]:
    """Return a chat completion as chunks."""
    listed = items(at(whole, "choices"))
    opening: Json = {"role": "assistant", "content": ""}
    found = [_chunk(whole, "start", choice, opening) for choice in listed]
    for choice in listed:
        found.extend(_text_chunks(whole, choice))
        found.extend(_tool_chunks(whole, choice))
        found.append(_chunk(whole, "finish", choice, {}, finish=at(choice, "finish_reason")))
    if at(context.request.json, "stream_options", "include_usage") is True and at(whole, "usage"):
        found.append(_usage_chunk(whole))
    return (*found, Event(part="done", raw="[DONE]"))


def _chunk(whole: Json, part: Part, choice: object, delta: Json, finish: object = None) -> Event:
    listed: Json = [
        {
            "index": count(at(choice, "index")),
            "delta": delta,
            "finish_reason": finish if isinstance(finish, str) else None,
        }
    ]
    return Event(part=part, data=_envelope(whole) | {"choices": listed})


def _usage_chunk(whole: Json) -> Event:
    reported = whole["usage"] if isinstance(whole, dict) else None
    return Event(part="usage", data=_envelope(whole) | {"choices": [], "usage": reported})


def _envelope(whole: Json) -> dict[str, Json]:
    kept = ("id", "created", "model", "system_fingerprint")
    known = whole if isinstance(whole, dict) else {}
    return {"object": "chat.completion.chunk"} | {name: known[name] for name in kept if name in known}


def _text_chunks(whole: Json, choice: object) -> list[Event]:
    kinds = ("content", "refusal")
    return [
        _chunk(whole, "text", choice, {kind: piece})
        for kind in kinds
        for piece in pieces(text_of(at(choice, "message", kind)))
    ]


def _tool_chunks(whole: Json, choice: object) -> list[Event]:
    found: list[Event] = []
    for place, call in enumerate(items(at(choice, "message", "tool_calls"))):
        named = {"name": text_of(at(call, "function", "name")), "arguments": ""}
        opening: Json = {
            "index": place,
            "id": text_of(at(call, "id")) or None,
            "type": "function",
            "function": {**named},
        }
        found.append(_chunk(whole, "start", choice, {"tool_calls": [opening]}))
        for piece in pieces(text_of(at(call, "function", "arguments"))):
            more: Json = {"index": place, "function": {"arguments": piece}}
            found.append(_chunk(whole, "tool", choice, {"tool_calls": [more]}))
    return found


CHAT = Dialect(
    body=body,
    events=events,
    headers=headers,
    usage=usage,
    error=error,
    framing=server_sent_framing,
    limits=limits,
)
