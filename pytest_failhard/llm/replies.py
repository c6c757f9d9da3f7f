"""Answers as status, headers and body: healthy ones, and those that a form of the catalogue describes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_failhard.llm import hints, http1, keys, pointers
from pytest_failhard.llm.catalogue import Form, Json
from pytest_failhard.llm.content import at, text_of
from pytest_failhard.llm.dialects import catalogue_body, find
from pytest_failhard.llm.dialects.base import Context, compact
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.placeholders import PlaceholderError, Value, Values, fill, fill_json, lacks
from pytest_failhard.llm.routing import CALL, CATALOGUE

JSON = "application/json"
# OpenAI's wire and what it sends of its limits.
LIMITED = frozenset({"openai", "openai_responses", "openai_embeddings", "azure", "groq", "openrouter"})
_NO_BODY = frozenset({204, 304})


class WireError(Exception):
    """A fault cannot be put on the wire in this dialect or for this request."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer that arrives as a whole. `chunks` instead of `body` is a stream, one chunk an event."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    chunks: tuple[bytes, ...] | None = None
    usage: Usage = field(default_factory=Usage)
    hint_seconds: float | None = None

    @property
    def head(self) -> bytes:
        """The status line and the headers."""
        return http1.head(self.status, self.headers)

    @property
    def payload(self) -> bytes:
        """What follows the head, a stream in chunks with the last one."""
        if self.chunks is None:
            return self.body
        return b"".join(map(http1.chunk, self.chunks)) + http1.LAST_CHUNK


def standard_headers(context: Context, media_type: str, length: int | None) -> dict[str, str]:
    """Return what every answer of the dialect says first; without a length it comes in chunks."""
    framed = {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
    return {
        "date": http1.date(context.now),
        "content-type": media_type,
        **framed,
        **find(context).headers(context),
    }


def healthy(context: Context) -> Reply:
    """Return what a healthy provider answers; noise and unknown routes get 404 in OpenAI's shape."""
    if context.route.kind == CATALOGUE:
        return _json(context, 200, catalogue_body(context))
    if context.route.kind != CALL:
        return _json(context, 404, _unknown(context))
    return said(context, find(context).body(context))


def said(context: Context, body: Json, status: int = 200) -> Reply:
    """Return a body in the way that was asked for: at once or as a stream."""
    if not context.route.stream:
        return _json(context, status, body, limits=True)
    dialect = find(context)
    framing = dialect.framing(context)
    chunks = tuple(framing.encode(event) for event in dialect.events(context, body))
    headers = standard_headers(context, framing.media_type, None) | _healthy_limits(context)
    return Reply(status=status, headers=headers, chunks=chunks, usage=dialect.usage(body))


def _json(context: Context, status: int, body: Json, *, limits: bool = False) -> Reply:
    data = compact(body).encode()
    headers = standard_headers(context, JSON, len(data)) | (_healthy_limits(context) if limits else {})
    used = find(context).usage(body)
    return Reply(status=status, headers=headers, body=data, usage=used)


def _healthy_limits(context: Context) -> dict[str, str]:
    if context.route.dialect not in LIMITED:
        return {}
    return hints.rate_limits(context.usage, params={})


def _unknown(context: Context) -> Json:
    message = f"Invalid URL ({context.request.method} {context.request.path})"
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def values_of(context: Context, params: Mapping[str, Value]) -> dict[str, Value]:
    """Return the placeholders and their values; the parameters of the fault are among them."""
    canaries = context.canaries
    return {
        "model": context.model,
        "canary": canaries.text,
        "canary_head": canaries.head,
        "canary_middle": canaries.middle,
        "canary_tail": canaries.tail,
        "canary_number": canaries.number,
        "poison": canaries.poison,
        "key_masked": keys.masked(keys.presented(context.request)),
        "request_id": context.request_id,
        "target": context.request.target,
        "content": context.content.text,
        "content_cut": context.content.cut.text,
        **params,
        **hints.values(params.get("hint_ms"), context.now),
    }


def formed(context: Context, form: Form, values: Values) -> Reply:
    """Return the answer that a form without recipe and stream edit describes.

    Raises WireError for an unknown placeholder, and for an edit of what the healthy answer has not.
    """
    try:
        reply = (
            _edited(context, form, values) if form.patch or form.remove else _written(context, form, values)
        )
        extra = _headers(form, values)
    except (PlaceholderError, pointers.PointerError) as error:
        raise WireError(f"{context.route.dialect} {context.route.name}: {error}") from error
    return _with_limits(context, reply, extra, values)


def _headers(form: Form, values: Values) -> dict[str, str]:
    wanted = {name.lower(): value for name, value in form.headers.items() if not lacks(value, values)}
    return {name: fill(value, values) for name, value in wanted.items()}


def _edited(context: Context, form: Form, values: Values) -> Reply:
    patch = {pointer: fill_json(value, values) for pointer, value in form.patch.items()}
    body = pointers.edited(find(context).body(context), patch, form.remove)
    return said(context, body, form.status)


def _written(context: Context, form: Form, values: Values) -> Reply:
    if form.json is not None:
        body = fill_json(form.json, values)
        data, used = compact(body).encode(), find(context).usage(body)
    else:
        data, used = raw(fill(form.text or "", values)), Usage()
    headers = standard_headers(context, form.media_type, len(data))
    if not data:
        del headers["content-type"]
    if form.status in _NO_BODY:
        del headers["content-length"]
    return Reply(status=form.status, headers=headers, body=data, usage=used)


def raw(text: str) -> bytes:
    """Return a text as bytes; the lone surrogates U+DC80 to U+DCFF stand for the bytes 0x80 to 0xFF."""
    return text.encode("utf-8", "surrogateescape")


def _with_limits(context: Context, reply: Reply, extra: Mapping[str, str], values: Values) -> Reply:
    body = _parsed(reply.body)
    wait = hints.asked(extra, body, context.now)
    limits: Mapping[str, str] = {}
    if reply.status == 429 and wait is not None and context.route.dialect in LIMITED:
        scarce = "tokens" if text_of(at(body, "error", "type")) == "tokens" else "requests"
        limits = hints.rate_limits(context.usage, wait=wait, scarce=scarce, params=values)
    return Reply(
        status=reply.status,
        headers={**reply.headers, **limits, **extra},
        body=reply.body,
        chunks=reply.chunks,
        usage=reply.usage,
        hint_seconds=wait,
    )


def _parsed(data: bytes) -> Json:
    try:
        value: Json = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value
