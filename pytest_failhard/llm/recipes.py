"""What breaks below the body: connections that end early, framing that lies, answers that take for ever."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pytest_failhard.llm import http1
from pytest_failhard.llm.dialects import find
from pytest_failhard.llm.dialects.base import Context
from pytest_failhard.llm.operations import Drip, Fin, Hang, Operation, Rst, Send, Sleep
from pytest_failhard.llm.placeholders import Value, Values
from pytest_failhard.llm.replies import Reply, WireError

SETTLE_SECONDS = 0.05  # without it a reset throws away what was delivered just before
SHORT_BY = 40
DRIP_SIZE, DRIP_EVERY, DRIP_SECONDS = 4, 0.03, 2.6
ENDLESS_SECONDS = 90
HEADER_EVERY = 0.3
_CHUNKED = "transfer-encoding"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """What a recipe makes of a healthy answer; `status` is 0 where no status line is sent."""

    operations: tuple[Operation, ...]
    status: int


def run(name: str, context: Context, reply: Reply, values: Values) -> Broken:
    """Return what a recipe does with a healthy answer. Raises WireError for a name that is no such recipe."""
    if name not in _RECIPES:
        raise WireError(f"{name!r} is no recipe for an answer; known: {', '.join(sorted(_RECIPES))}")
    return _RECIPES[name](context, reply, values)


def _seconds(values: Values, name: str, default: float) -> float:
    found: Value = values.get(name)
    return found if isinstance(found, (int, float)) else default


def _fin_before(_context: Context, _reply: Reply, _values: Values) -> Broken:
    return Broken(operations=(Fin(),), status=0)


def _rst_before(_context: Context, _reply: Reply, _values: Values) -> Broken:
    return Broken(operations=(Rst(),), status=0)


def _read_timeout(_context: Context, _reply: Reply, _values: Values) -> Broken:
    return Broken(operations=(Hang(),), status=0)


def _rst_mid_body(_context: Context, reply: Reply, _values: Values) -> Broken:
    half = reply.payload[: len(reply.payload) // 2]
    sent = Send(data=reply.head + half)
    return Broken(operations=(sent, Sleep(seconds=SETTLE_SECONDS), Rst()), status=reply.status)


def _short_body(_context: Context, reply: Reply, _values: Values) -> Broken:
    return Broken(operations=(Send(data=reply.head + reply.payload[:-SHORT_BY]), Fin()), status=reply.status)


def _bad_status_line(_context: Context, _reply: Reply, _values: Values) -> Broken:
    return Broken(operations=(Send(data=b"HTTX/1.1 abc\r\n\r\n"), Fin()), status=0)


def _bad_chunk(_context: Context, reply: Reply, _values: Values) -> Broken:
    headers = _without(reply.headers, "content-length") | {_CHUNKED: "chunked"}
    data = http1.head(reply.status, headers) + b"zz\r\nabc\r\n"
    return Broken(operations=(Send(data=data), Fin()), status=reply.status)


def _bad_gzip(_context: Context, reply: Reply, _values: Values) -> Broken:
    """Say gzip over bytes that are neither gzip nor text: not every client decodes gzip."""
    headers = {**reply.headers, "content-encoding": "gzip"}
    chunks = None if reply.chunks is None else tuple(map(_garbled, reply.chunks))
    told = replace(reply, headers=headers, body=_garbled(reply.body), chunks=chunks)
    return Broken(operations=(Send(data=told.head + told.payload),), status=reply.status)


def _garbled(data: bytes) -> bytes:
    return bytes(each ^ 0x80 for each in data)


def _slow_drip(_context: Context, reply: Reply, values: Values) -> Broken:
    every = _seconds(values, "every", DRIP_EVERY)
    writes = _seconds(values, "seconds", DRIP_SECONDS) / every
    # A long answer in larger pieces, so that it does not take longer than a short one.
    size = max(int(_seconds(values, "size", DRIP_SIZE)), math.ceil(len(reply.payload) / writes))
    drip = Drip(data=reply.payload, size=size, every=every)
    return Broken(operations=(Send(data=reply.head), drip), status=reply.status)


def _slow_drip_endless(context: Context, reply: Reply, values: Values) -> Broken:
    """Drip what may legally stand before the answer, and the answer at last."""
    every = _seconds(values, "every", DRIP_EVERY)
    size = int(_seconds(values, "size", DRIP_SIZE))
    length = math.ceil(_seconds(values, "seconds", ENDLESS_SECONDS) / every) * size
    padded = _padded(context, reply, length)
    drip = Drip(data=padded.payload, size=size, every=every)
    return Broken(operations=(Send(data=padded.head), drip), status=reply.status)


def _padded(context: Context, reply: Reply, length: int) -> Reply:
    if reply.chunks is None:
        body = b" " * length + reply.body
        return replace(reply, body=body, headers={**reply.headers, "content-length": str(len(body))})
    beat = find(context).framing(context).heartbeat
    beats = (beat,) * math.ceil(length / len(http1.chunk(beat)))
    return replace(reply, chunks=(*beats, *reply.chunks))


def _slow_headers(_context: Context, reply: Reply, values: Values) -> Broken:
    needed = ("content-type", "content-length", _CHUNKED, "x-request-id")
    head = http1.head(reply.status, {name: reply.headers[name] for name in needed if name in reply.headers})
    size = int(_seconds(values, "size", 1))
    drip = Drip(data=head, size=size, every=_seconds(values, "every", HEADER_EVERY))
    return Broken(operations=(drip, Send(data=reply.payload)), status=reply.status)


def _redirect_loop(context: Context, reply: Reply, _values: Values) -> Broken:
    headers = _without(reply.headers, "content-length", "content-type", _CHUNKED)
    head = http1.head(302, headers | {"location": context.request.target, "content-length": "0"})
    return Broken(operations=(Send(data=head),), status=302)


def _without(headers: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


_RECIPES: Mapping[str, Callable[[Context, Reply, Values], Broken]] = {
    "fin_before": _fin_before,
    "rst_before": _rst_before,
    "rst_mid_body": _rst_mid_body,
    "short_body": _short_body,
    "bad_status_line": _bad_status_line,
    "bad_chunk": _bad_chunk,
    "bad_gzip": _bad_gzip,
    "read_timeout": _read_timeout,
    "slow_drip": _slow_drip,
    "slow_drip_endless": _slow_drip_endless,
    "slow_headers": _slow_headers,
    "redirect_loop": _redirect_loop,
}
NAMES = frozenset(_RECIPES)
"""The recipes that this module knows."""
