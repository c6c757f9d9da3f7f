"""Answers as status, headers and body: healthy ones, and those that a form of the catalogue describes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pytest_failhard.llm import hints, http1, keys, pointers, vectors
from pytest_failhard.llm.catalogue import Form, Json
from pytest_failhard.llm.dialects import catalogues, find
from pytest_failhard.llm.dialects.base import Context, compact
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.placeholders import PlaceholderError, Value, Values, fill, fill_json, lacks
from pytest_failhard.llm.routing import CALL, CATALOGUE

JSON = "application/json"
UTF8 = "utf-8"
# Their SDKs do not read it, so they do not send it.
WITHOUT_MILLISECONDS = frozenset({"gemini", "bedrock", "ollama"})
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
        return _json(context, 200, catalogues.body(context))
    if context.route.kind != CALL:
        return _json(context, 404, _unknown(context))
    return said(context, find(context).body(context))


def said(context: Context, body: Json, status: int = 200, charset: str = UTF8) -> Reply:
    """Return a body in the way that was asked for: at once or as a stream."""
    if not context.route.stream:
        return _json(context, status, body, limits=True, charset=charset)
    dialect = find(context)
    framing = dialect.framing(context)
    chunks = framing.chunks(dialect.events(context, body))
    closing = [framing.closing] if framing.closing else []
    return Reply(
        status=status,
        headers=stream_headers(context),
        chunks=tuple(encoded(each, charset) for each in [*chunks, *closing]),
        usage=dialect.usage(body),
    )


def stream_headers(context: Context) -> dict[str, str]:
    """Return the headers of a healthy stream."""
    dialect = find(context)
    media_type = dialect.framing(context).media_type
    return standard_headers(context, media_type, None) | {**dialect.limits(context)}


def encoded(data: bytes, charset: str) -> bytes:
    """Return UTF-8 in another encoding; what that cannot say is replaced."""
    return data if charset == UTF8 else data.decode().encode(charset, "replace")


def _json(context: Context, status: int, body: Json, *, limits: bool = False, charset: str = UTF8) -> Reply:
    data = encoded(compact(body).encode(), charset)
    headers = standard_headers(context, JSON, len(data))
    dialect = find(context)
    if limits:
        headers |= dialect.limits(context)
    return Reply(status=status, headers=headers, body=data, usage=dialect.usage(body))


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
        "content_cut": context.cut.content.text,
        "content_poisoned": _poisoned(context),
        **params,
        **hints.values(params.get("hint_ms"), context.now),
    }


def _poisoned(context: Context) -> str:
    """Return the text with the poison in the place of the case's words; its number becomes the next one."""
    canaries = context.canaries
    poisoned = context.content.replaced((canaries.head, canaries.middle, canaries.tail), canaries.poison)
    return poisoned.replaced((str(canaries.number),), str(canaries.number + 1)).text


def formed(context: Context, form: Form, values: Values) -> Reply:
    """Return the answer that a form without recipe and stream edit describes.

    Raises WireError for an unknown placeholder, and for an edit of what the healthy answer has not.
    """
    try:
        reply = _answered(context, form, values)
        headers = {**reply.headers, **_headers(context, form, values)}
    except (PlaceholderError, pointers.PointerError, vectors.VectorError) as error:
        raise WireError(f"{context.route.dialect} {context.route.name}: {error}") from error
    wait = hints.asked(headers, _parsed(reply.body), context.now)
    return replace(reply, headers=headers, hint_seconds=wait)


def _answered(context: Context, form: Form, values: Values) -> Reply:
    if form.vectors:
        edited = vectors.edited(form.vectors, find(context).body(context))
        return said(context, edited, form.status)
    if form.patch or form.remove:
        patch = {pointer: fill_json(value, values) for pointer, value in form.patch.items()}
        body = pointers.edited(find(context).body(context), patch, form.remove)
        return said(context, body, form.status, form.charset)
    return _written(context, form, values)


def _headers(context: Context, form: Form, values: Values) -> dict[str, str]:
    told = {name.lower(): value for name, value in form.headers.items() if not lacks(value, values)}
    if context.route.dialect in WITHOUT_MILLISECONDS:
        told.pop("retry-after-ms", None)
    return {name: fill(value, values) for name, value in told.items()}


def _written(context: Context, form: Form, values: Values) -> Reply:
    used = Usage()
    data = fill(form.text or "", values).encode()
    if form.json is not None:
        body = fill_json(form.json, values)
        data, used = compact(body).encode(), find(context).usage(body)
    data = encoded(data, form.charset)
    headers = standard_headers(context, form.media_type, len(data))
    if form.status in _NO_BODY:
        del headers["content-type"], headers["content-length"]
    return Reply(status=form.status, headers=headers, body=data, usage=used)


def _parsed(data: bytes) -> Json:
    try:
        value: Json = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value
