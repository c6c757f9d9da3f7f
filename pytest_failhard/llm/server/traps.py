"""Listeners on which no connection, no TLS, or no trusted TLS comes about."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Final, cast

from pytest_failhard.llm.server.errors import CannotRunError
from pytest_failhard.llm.server.execution import reset
from pytest_failhard.llm.server.site import Site

LOOPBACK: Final = "127.0.0.1"
UNRESOLVABLE: Final = "api.openai.invalid"
"""A name that never resolves (RFC 6761)."""

SILENT: Final = frozenset({"refused", "connect_timeout", "dns_failure"})
"""Traps that see no connection at all."""
SPEAKING: Final = frozenset({"tls_plaintext", "tls_reset", "tls_hang"})
"""Traps that accept a connection and then break the handshake themselves."""
CERTIFIED: Final = frozenset({"tls_untrusted", "tls_expired", "tls_hostname"})
"""Traps that are a certificate: whoever does not look at it gets an answer."""
TRAPS: Final = SILENT | SPEAKING | CERTIFIED

_TLS_HEADER_BYTES: Final = 5
_FILLERS: Final = 4
_PLAINTEXT: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 48\r\nconnection: close\r\n\r\n"
    b"Client sent a plain request to an HTTPS server.\n"
)


def refused() -> tuple[socket.socket, ...]:
    """Return a socket that is bound and never listens: RST answers a SYN, and nobody else gets the port."""
    bound = socket.socket()
    bound.bind((LOOPBACK, 0))
    return (bound,)


def require(trap: str) -> None:
    """Raise CannotRunError for a trap that this operating system lacks."""
    if trap == "connect_timeout" and sys.platform != "linux":
        raise CannotRunError("cannot run on this platform: connect_timeout needs Linux's accept queue")


def full() -> tuple[socket.socket, ...]:
    """Return a listening socket whose accept queue is full, and what fills it: SYNs are dropped.

    Raises CannotRunError outside Linux, whose kernel alone is known to behave so.
    """
    require("connect_timeout")
    listening = socket.socket()
    listening.bind((LOOPBACK, 0))
    listening.listen(0)
    fillers = tuple(socket.socket() for _ in range(_FILLERS))
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(listening.getsockname())
    return (listening, *fillers)


class Trap(asyncio.Protocol):
    """A connection on which a client that begins a TLS handshake meets something else."""

    def __init__(self, site: Site, name: str) -> None:
        self._site = site
        self._name = name
        self._received = 0
        self._transport: asyncio.Transport | None = None
        self._act: Callable[[asyncio.Transport], None] = {
            "tls_plaintext": _say_plaintext,
            "tls_reset": _reset,
            "tls_hang": _stay_silent,
        }[name]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the connection: it is all that will ever be known."""
        self._transport = cast("asyncio.Transport", transport)
        if self._site.enter(self):
            self.attach(self._transport)

    def attach(self, transport: asyncio.Transport) -> None:
        """Begin, be it inside a tunnel whose connection is known already."""
        self._transport = transport
        self._site.live.add(self)
        self._site.handler.refuse("connection", self._name)

    def data_received(self, data: bytes) -> None:
        """Wait for the header of a TLS record, then act."""
        self._received += len(data)
        if self._received >= _TLS_HEADER_BYTES and self._transport is not None:
            self._act(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        del exc
        self._site.live.discard(self)

    def abort(self) -> None:
        """Drop it because its listener is closed."""
        if self._transport is not None:
            self._transport.abort()


def _say_plaintext(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.write(_PLAINTEXT)
        transport.close()


def _reset(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        reset(transport)


def _stay_silent(transport: asyncio.Transport) -> None:
    """Leave the client to its time-out."""
    del transport
