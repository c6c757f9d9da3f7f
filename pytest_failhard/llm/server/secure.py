"""TLS on the server's side: a listener's own, and the inside of a proxy's tunnels."""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Final, cast
from urllib.parse import urlsplit

from pytest_failhard.llm.server.connection import Connection
from pytest_failhard.llm.server.parser import Parsed, ParseError
from pytest_failhard.llm.server.site import TASK, Closable, Site, Tunnels

_ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_FORBIDDEN: Final = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_AUTHORITY: Final = re.compile(r"(?P<host>[^\[\]:@/]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}")
_PORTS: Final = {"http": 80, "https": 443}
HANDSHAKE_SECONDS: Final = 60.0


def upgrade(outside: Closable, inside: Connection, plain: asyncio.Transport, context: ssl.SSLContext) -> None:
    """Make a connection the inside of TLS. `outside` can be aborted until then."""
    task = asyncio.get_running_loop().create_task(_upgrade(outside, inside, plain, context), name=TASK)
    inside.site.tasks.add(task)
    task.add_done_callback(inside.site.tasks.discard)


async def _upgrade(
    outside: Closable, inside: Connection, plain: asyncio.Transport, context: ssl.SSLContext
) -> None:
    site = inside.site
    try:
        _require_open(plain)
        transport = await asyncio.get_running_loop().start_tls(
            plain, inside, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
    except OSError as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else type(error).__name__
        site.handler.refuse("tls", str(reason))
        return
    finally:
        site.live.discard(outside)
    if transport is not None:  # None: it was lost at that moment
        inside.attach(transport, high=1)
        site.live.add(inside)


def _require_open(plain: asyncio.Transport) -> None:
    # On a transport that is lost already, `start_tls` waits for a handshake until its time-out.
    if plain.is_closing():
        raise ConnectionAbortedError


class SecureConnection(asyncio.Protocol):
    """The outside of a TLS connection: nothing but the handshake."""

    def __init__(self, site: Site, context: ssl.SSLContext) -> None:
        self._site = site
        self._context = context
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Leave the first bytes to the handshake."""
        plain = cast("asyncio.Transport", transport)
        plain.pause_reading()
        self._transport = plain
        number = self._site.enter(self)
        if number:
            upgrade(self, Connection(self._site, number=number), plain, self._context)

    def abort(self) -> None:
        """Drop it within the handshake."""
        if self._transport is not None:
            self._transport.abort()


class ProxyConnection(Connection):
    """A connection to a proxy, which answers in the name of every host that it lets through."""

    def __init__(self, site: Site, tunnels: Tunnels) -> None:
        super().__init__(site)
        self._tunnels = tunnels

    def meet(self, parsed: Parsed, transport: asyncio.Transport) -> None:
        """Open a tunnel, answer for the host that is meant, or refuse to go there."""
        if parsed.method == "CONNECT":
            self._tunnel(parsed.target, transport)
            return
        url = urlsplit(parsed.target)
        if not url.hostname:
            super().meet(parsed, transport)
        elif self._tunnels.allows(url.hostname):
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            self.answer(parsed, target, url.hostname, transport)
        else:
            self._forbid(f"{url.hostname}:{url.port or _PORTS.get(url.scheme, 0)}")

    def _tunnel(self, authority: str, transport: asyncio.Transport) -> None:
        named = _AUTHORITY.fullmatch(authority)
        if named is None:
            self.refuse(ParseError("illegal target"))
            return
        host = named["host"].lower().rstrip(".")
        certificate = self._tunnels.certificate
        if certificate is None or not self._tunnels.allows(host):
            self._forbid(authority)
            return
        self.deaf = True
        transport.write(_ESTABLISHED)
        upgrade(self, Connection(self.site, number=self.number, origin=host), transport, certificate(host))

    def _forbid(self, where: str) -> None:
        self.site.handler.refuse("egress", where)
        self.leave(_FORBIDDEN)
