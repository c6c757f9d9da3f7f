"""OpenAI's Responses API."""

from __future__ import annotations

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import ToolCall, at, items, text_of
from pytest_failhard.llm.dialects import openai_chat
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


def body(context: Context) -> Json:
    """Return a response with one message, or with function calls."""
    used = context.usage
    return {
        "id": context.identifier("resp_"),
        "object": "response",
        "created_at": CREATED,
        "model": context.model,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": _output(context),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": used.input,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": used.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": used.input + used.output,
        },
    }


def _output(context: Context) -> list[Json]:
    calls = context.content.tool_calls
    if calls:
        return [_function_call(context, call) for call in calls]
    part: Json = {"type": "output_text", "text": context.content.text, "annotations": []}
    return [
        {
            "type": "message",
            "id": context.identifier("msg_"),
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }
    ]


def _function_call(context: Context, call: ToolCall) -> Json:
    return {
        "type": "function_call",
        "id": context.identifier("fc_"),
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }


def usage(whole: Json) -> Usage:
    """Return the tokens that a response reports."""
    return Usage(
        input=count(at(whole, "usage", "input_tokens")),
        cached=count(at(whole, "usage", "input_tokens_details", "cached_tokens")),
        output=count(at(whole, "usage", "output_tokens")),
    )


def events(_context: Context, whole: Json) -> tuple[Event, ...]:
    """Return a response as its events; the last one is named after how the response ended."""
    started = {**_fields(whole), "status": "in_progress", "output": [], "usage": None}
    found = [
        _event("start", "response.created", {"response": started}),
        _event("start", "response.in_progress", {"response": started}),
    ]
    for place, item in enumerate(items(at(whole, "output"))):
        found.extend(_item(place, item))
    status = text_of(at(whole, "status"), "completed")
    found.append(_event("finish", f"response.{status}", {"response": _fields(whole)}))
    return tuple(_numbered(event, number) for number, event in enumerate(found))


def _fields(value: object) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _event(part: Part, name: str, data: dict[str, Json]) -> Event:
    return Event(part=part, name=name, data={"type": name, "sequence_number": 0, **data})


def _numbered(event: Event, number: int) -> Event:
    return Event(part=event.part, name=event.name, data=_fields(event.data) | {"sequence_number": number})


def _item(place: int, item: object) -> list[Event]:
    known = _fields(item)
    if known.get("type") == "message":
        return _message(place, known)
    if known.get("type") == "function_call":
        return _call(place, known)
    return [
        _event("other", "response.output_item.added", {"output_index": place, "item": known}),
        _event("other", "response.output_item.done", {"output_index": place, "item": known}),
    ]


def _message(place: int, item: dict[str, Json]) -> list[Event]:
    added: Json = {**item, "status": "in_progress", "content": []}
    found = [_event("start", "response.output_item.added", {"output_index": place, "item": added})]
    for number, part in enumerate(items(item.get("content"))):
        where: dict[str, Json] = {
            "item_id": item.get("id"),
            "output_index": place,
            "content_index": number,
        }
        found.extend(_part(where, _fields(part)))
    return [*found, _event("finish", "response.output_item.done", {"output_index": place, "item": item})]


def _part(where: dict[str, Json], part: dict[str, Json]) -> list[Event]:
    """Return the events of one part: text, or a refusal, which streams under its own name."""
    kind = "refusal" if part.get("type") == "refusal" else "text"
    name = "response.refusal" if kind == "refusal" else "response.output_text"
    text = text_of(part.get(kind))
    logs: dict[str, Json] = {} if kind == "refusal" else {"logprobs": []}
    return [
        _event("start", "response.content_part.added", {**where, "part": {**part, kind: ""}}),
        *(_event("text", f"{name}.delta", {**where, "delta": each, **logs}) for each in pieces(text)),
        _event("finish", f"{name}.done", {**where, kind: text, **logs}),
        _event("finish", "response.content_part.done", {**where, "part": part}),
    ]


def _call(place: int, item: dict[str, Json]) -> list[Event]:
    where: dict[str, Json] = {"item_id": item.get("id"), "output_index": place}
    name = "response.function_call_arguments"
    text = text_of(item.get("arguments"))
    added: Json = {**item, "status": "in_progress", "arguments": ""}
    done: dict[str, Json] = {**where, "name": item.get("name"), "arguments": text}
    return [
        _event("start", "response.output_item.added", {"output_index": place, "item": added}),
        *(_event("tool", f"{name}.delta", {**where, "delta": each}) for each in pieces(text)),
        _event("finish", f"{name}.done", done),
        _event("finish", "response.output_item.done", {"output_index": place, "item": item}),
    ]


RESPONSES = Dialect(
    body=body,
    events=events,
    headers=openai_chat.headers,
    usage=usage,
    error=openai_chat.error,
    framing=server_sent_framing,
    limits=openai_chat.limits,
)
