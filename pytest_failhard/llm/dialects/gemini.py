"""Google's generateContent, of Gemini and of Vertex."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_failhard.llm import asked
from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at, items, text_of
from pytest_failhard.llm.dialects.base import (
    SERVER_SENT,
    Context,
    Dialect,
    Event,
    Framing,
    Part,
    arguments,
    compact,
    count,
    pieces,
)
from pytest_failhard.llm.ledger import Usage

FINISH_REASONS = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def _headers(context: Context) -> Mapping[str, str]:
    return {"server": "scaffolding on HTTPServer2", "x-request-id": context.request_id}


def _error(_context: Context, status: int, message: str) -> Json:
    code = 500 if status == 200 else status
    return {"error": {"code": code, "message": message, "status": _STATUSES.get(code, "INTERNAL")}}


def body(context: Context) -> Json:
    """Return a response with as many candidates as were asked for."""
    used = context.usage
    return {
        "candidates": [_candidate(context, index) for index in range(asked.choices(context.request))],
        "usageMetadata": {
            "promptTokenCount": used.input,
            "candidatesTokenCount": used.output,
            "totalTokenCount": used.input + used.output,
        },
        "modelVersion": context.model,
        "responseId": context.identifier(""),
    }


def _candidate(context: Context, index: int) -> Json:
    content = context.content
    return {
        "content": {"role": "model", "parts": _parts(context)},
        "finishReason": FINISH_REASONS.get(content.finish, content.finish),
        "index": index,
    }


def _parts(context: Context) -> list[Json]:
    calls = context.content.tool_calls
    if not calls:
        return [{"text": context.content.text}]
    return [{"functionCall": {"name": each.name, "args": arguments(each.arguments)}} for each in calls]


def usage(whole: Json) -> Usage:
    """Return the tokens that a response reports."""
    return Usage(
        input=count(at(whole, "usageMetadata", "promptTokenCount")),
        cached=count(at(whole, "usageMetadata", "cachedContentTokenCount")),
        output=count(at(whole, "usageMetadata", "candidatesTokenCount")),
    )


def events(_context: Context, whole: Json) -> tuple[Event, ...]:
    """Return a response in parts, each one a response of its own; the last has the reason and the usage."""
    known = whole if isinstance(whole, dict) else {}
    common: dict[str, Json] = {name: known[name] for name in ("modelVersion", "responseId") if name in known}
    found = [event for each in items(known.get("candidates")) for event in _texts(common, each)]
    ended: list[Json] = [_ended(each) for each in items(known.get("candidates"))]
    last = {**{name: value for name, value in known.items() if name != "candidates"}}
    if "candidates" in known:
        last["candidates"] = ended
    return (*found, Event(part="finish", data=last))


def _texts(common: dict[str, Json], candidate: object) -> list[Event]:
    found: list[Event] = []
    for part in items(at(candidate, "content", "parts")):
        known = part if isinstance(part, dict) else {}
        tag: Part = "tool" if "functionCall" in known else "text"
        each_part: list[Json] = [known] if tag == "tool" else _pieces_of(known)
        for each in each_part:
            said: Json = {"content": {"role": "model", "parts": [each]}, "index": _index(candidate)}
            found.append(Event(part=tag, data={**common, "candidates": [said]}))
    return found


def _pieces_of(part: dict[str, Json]) -> list[Json]:
    return [{**part, "text": piece} for piece in pieces(text_of(part.get("text")))]


def _ended(candidate: object) -> Json:
    known = candidate if isinstance(candidate, dict) else {}
    rest: dict[str, Json] = {name: value for name, value in known.items() if name != "content"}
    empty: Json = {"role": "model", "parts": [{"text": ""}]}
    return {**rest, "content": empty} if "content" in known else rest


def _index(candidate: object) -> int:
    return count(at(candidate, "index"))


# Without `alt=sse` the stream is one JSON array, item by item.
_ARRAY = Framing(
    media_type="application/json",
    encode=lambda event: compact(event.data).encode(),
    heartbeat=b"\n",
    opening=b"[",
    between=b"\n,\n",
    closing=b"]",
)


def _framing(context: Context) -> Framing:
    return SERVER_SENT if context.request.query.get("alt") == "sse" else _ARRAY


GEMINI = Dialect(
    body=body,
    events=events,
    headers=_headers,
    usage=usage,
    error=_error,
    framing=_framing,
)
