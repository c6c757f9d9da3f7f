"""Amazon Bedrock: converse, and invoke with the bodies of the models' own makers."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at, items, text_of
from pytest_failhard.llm.dialects import anthropic, eventstream
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
)
from pytest_failhard.llm.ledger import Usage

STOP_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "content_filtered",
}
_LATENCY_MS = 12
_INVOCATION = "/invoke"


def _headers(context: Context) -> Mapping[str, str]:
    return {"x-amzn-requestid": context.request_id}


def _error(_context: Context, _status: int, message: str) -> Json:
    return {"message": message}


def _is_invocation(context: Context) -> bool:
    return context.route.name.startswith(_INVOCATION)


def body(context: Context) -> Json:
    """Return what converse answers, or what the model's maker does where it is invoked."""
    return _invoked(context) if _is_invocation(context) else _conversation(context)


def _conversation(context: Context) -> Json:
    content = context.content
    used = context.usage
    return {
        "output": {"message": {"role": "assistant", "content": _blocks(context)}},
        "stopReason": STOP_REASONS.get(content.finish, content.finish),
        "usage": {
            "inputTokens": used.input,
            "outputTokens": used.output,
            "totalTokens": used.input + used.output,
        },
        "metrics": {"latencyMs": _LATENCY_MS},
    }


def _blocks(context: Context) -> list[Json]:
    calls = context.content.tool_calls
    if not calls:
        return [{"text": context.content.text}]
    return [
        {
            "toolUse": {
                "toolUseId": call.id.replace("call_", "tooluse_", 1),
                "name": call.name,
                "input": arguments(call.arguments),
            }
        }
        for call in calls
    ]


def _invoked(context: Context) -> Json:
    """Return an answer of the model's maker, told by the model's id; Amazon Nova speaks as converse does."""
    text = context.content.text
    used = context.usage
    if "anthropic." in context.model:
        return anthropic.body(context)
    if "meta." in context.model:
        return {
            "generation": text,
            "prompt_token_count": used.input,
            "generation_token_count": used.output,
            "stop_reason": "stop",
        }
    if "mistral." in context.model:
        return {"outputs": [{"text": text, "stop_reason": "stop"}]}
    if "titan-text" in context.model:
        result: Json = {"tokenCount": used.output, "outputText": text, "completionReason": "FINISH"}
        return {"inputTextTokenCount": used.input, "results": [result]}
    return _conversation(context)


def usage(whole: Json) -> Usage:
    """Return the tokens that an answer reports, in converse's words or in Anthropic's."""
    if at(whole, "usage", "input_tokens") is not None:
        return anthropic.usage(whole)
    return Usage(
        input=count(at(whole, "usage", "inputTokens")),
        cached=count(at(whole, "usage", "cacheReadInputTokens")),
        output=count(at(whole, "usage", "outputTokens")),
    )


def events(context: Context, whole: Json) -> tuple[Event, ...]:
    """Return an answer as its frames; invoke wraps the maker's own events."""
    if not _is_invocation(context):
        return _conversation_events(whole)
    if at(whole, "type") == "message":
        return tuple(_wrapped(each) for each in anthropic.events(context, whole))
    return (_wrapped(Event(part="text", data=whole)),)


def _wrapped(event: Event) -> Event:
    inner = base64.b64encode(compact(event.data).encode()).decode()
    return Event(part=event.part, name="chunk", data={"bytes": inner})


def _conversation_events(whole: Json) -> tuple[Event, ...]:
    found = [Event(part="start", name="messageStart", data={"role": "assistant"})]
    for index, block in enumerate(items(at(whole, "output", "message", "content"))):
        found.extend(_block(index, block))
    stopped: Json = {"stopReason": text_of(at(whole, "stopReason"), "end_turn")}
    found.append(Event(part="finish", name="messageStop", data=stopped))
    known = whole if isinstance(whole, dict) else {}
    ending: Json = {name: known[name] for name in ("usage", "metrics") if name in known}
    return (*found, Event(part="usage", name="metadata", data=ending))


def _block(index: int, block: object) -> list[Event]:
    found: list[Event] = []
    called = at(block, "toolUse")
    if isinstance(called, dict):
        started: Json = {"toolUse": {name: called[name] for name in ("toolUseId", "name") if name in called}}
        opening: Json = {"contentBlockIndex": index, "start": started}
        found.append(Event(part="start", name="contentBlockStart", data=opening))
        given = called.get("input")
        text = given if isinstance(given, str) else compact(given)
        found += [_delta("tool", index, {"toolUse": {"input": each}}) for each in pieces(text)]
    else:
        found += [_delta("text", index, {"text": each}) for each in pieces(text_of(at(block, "text")))]
    return [*found, Event(part="finish", name="contentBlockStop", data={"contentBlockIndex": index})]


def _delta(part: Part, index: int, delta: Json) -> Event:
    return Event(part=part, name="contentBlockDelta", data={"contentBlockIndex": index, "delta": delta})


def _encode(event: Event) -> bytes:
    return eventstream.event(event.name, compact(event.data).encode())


_FRAMING = Framing(
    media_type=eventstream.MEDIA_TYPE, encode=_encode, heartbeat=eventstream.event("initial-response", b"{}")
)


def _framing(_context: Context) -> Framing:
    return _FRAMING


BEDROCK = Dialect(
    body=body,
    events=events,
    headers=_headers,
    usage=usage,
    error=_error,
    framing=_framing,
)
