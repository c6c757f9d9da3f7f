"""A port of the server, as whoever opened it sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from pytest_failhard.llm.server.site import Site


@dataclass(frozen=True, kw_only=True, eq=False)
class Listener:
    """A port on which one handler answers; a case has one to itself, and so is known by its port.

    `url` ends without a slash. `port` is 0 where nothing listens (`dns_failure`).
    """

    port: int
    url: str
    _site: Site
    _close: Callable[[], None] = field(repr=False)

    @property
    def connections(self) -> int:
        """How many connections were accepted so far, tunnels and failed handshakes included."""
        return self._site.accepted

    def close(self) -> None:
        """Close the port and every connection to it; safe to call again.

        An answer that is under way ends with `stopped`. When it returns, the handler is called no more.
        Raises ServerError where the server failed to answer a request.
        """
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
