"""Ollama's chat and generate, with streams of JSON lines."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at, text_of
from pytest_failhard.llm.dialects.base import (
    Context,
    Dialect,
    Event,
    Framing,
    arguments,
    compact,
    count,
    pieces,
)
from pytest_failhard.llm.ledger import Usage

_CREATED = "1970-01-01T00:00:01Z"
_FINISH_REASONS = {"tool_calls": "stop"}
_NANOSECONDS = 12_000_000


def _headers(_context: Context) -> Mapping[str, str]:
    return {}


def _error(_context: Context, _status: int, message: str) -> Json:
    return {"error": message}


def body(context: Context) -> Json:
    """Return a chat answer, or the one of the older generate."""
    content = context.content
    used = context.usage
    said: dict[str, Json] = {"message": _message(context)}
    if context.route.name == "/api/generate":
        said = {"response": content.text}
    return {
        "model": context.model,
        "created_at": _CREATED,
        **said,
        "done": True,
        "done_reason": _FINISH_REASONS.get(content.finish, content.finish),
        "total_duration": _NANOSECONDS,
        "prompt_eval_count": used.input,
        "eval_count": used.output,
    }


def _message(context: Context) -> Json:
    calls = context.content.tool_calls
    if not calls:
        return {"role": "assistant", "content": context.content.text}
    made: list[Json] = [
        {"function": {"name": each.name, "arguments": arguments(each.arguments)}} for each in calls
    ]
    return {"role": "assistant", "content": "", "tool_calls": made}


def usage(whole: Json) -> Usage:
    """Return the tokens that an answer reports."""
    return Usage(input=count(at(whole, "prompt_eval_count")), output=count(at(whole, "eval_count")))


def events(_context: Context, whole: Json) -> tuple[Event, ...]:
    """Return an answer as lines; the last has what is left of it."""
    known = whole if isinstance(whole, dict) else {}
    common: dict[str, Json] = {name: known[name] for name in ("model", "created_at") if name in known}
    if "response" in known:
        texts: list[Json] = [{"response": each} for each in pieces(text_of(known["response"]))]
        empty: dict[str, Json] = {"response": ""}
    else:
        texts = [{"message": {"role": "assistant", "content": each}} for each in _contents(whole)]
        empty = {"message": _without_content(known.get("message"))}
    found = [Event(part="text", data={**common, **_fields(each), "done": False}) for each in texts]
    return (*found, Event(part="finish", data={**known, **empty}))


def _contents(whole: Json) -> list[str]:
    return pieces(text_of(at(whole, "message", "content")))


def _fields(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _without_content(message: Json) -> Json:
    return {**message, "content": ""} if isinstance(message, dict) else message


_FRAMING = Framing(
    media_type="application/x-ndjson",
    encode=lambda event: f"{compact(event.data)}\n".encode(),
    heartbeat=b"\n",
)


def _framing(_context: Context) -> Framing:
    return _FRAMING


OLLAMA = Dialect(
    body=body,
    events=events,
    headers=_headers,
    usage=usage,
    error=_error,
    framing=_framing,
)
