"""What the connections of one listener share."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from pytest_failhard.llm.handler import Handler

TASK = "failhard-llm"
"""How the names of the server's own tasks begin."""


class Closable(Protocol):
    """A connection, as its listener sees it."""

    def abort(self) -> None:
        """Drop it; an answer under way ends with `stopped`."""


@dataclass(frozen=True, kw_only=True)
class Tunnels:
    """How a proxy treats a host: whether it may be reached, and the certificate to answer with in its name.

    `certificate` is None where there is no authority: then every tunnel is refused.
    """

    allows: Callable[[str], bool]
    certificate: Callable[[str], ssl.SSLContext] | None


@dataclass(kw_only=True, eq=False)
class Site:
    """A listener's handler and its live connections. Changed on the server's thread only."""

    handler: Handler
    tunnels: Tunnels | None = None
    accepted: int = 0
    closed: bool = False
    live: set[Closable] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    failures: list[BaseException] = field(default_factory=list)

    def enter(self, connection: Closable) -> int:
        """Take in a connection, or drop it where the port is closed; return its number, counted from 1."""
        if self.closed:
            connection.abort()
            return 0
        self.accepted += 1
        self.live.add(connection)
        return self.accepted

    async def close(self) -> None:
        """Drop all connections; return when the last one is gone."""
        self.closed = True
        while self.live or self.tasks:
            for connection in tuple(self.live):
                connection.abort()
            await asyncio.sleep(0)


class Guard:
    """Notes down what a handler raises, and drops the connection, for its client would wait for ever."""

    def __init__(self, site: Site, transport: asyncio.Transport) -> None:
        self._site = site
        self._transport = transport

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let an exception pass on to the loop."""
        if error is not None:
            self._site.failures.append(error)
            self._transport.abort()
