"""What passes between the server, which moves bytes, and whoever decides what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pytest_failhard.llm.operations import Script
from pytest_failhard.llm.request import Request


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A request that is complete. Times are of `time.monotonic()`, in seconds.

    `layer` is how the traffic got here: `base_url`, `proxy` or `reroute`.
    """

    request: Request
    connection: int
    layer: str
    accepted: float
    headers_complete: float
    body_complete: float


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an answer ended. Times are of `time.monotonic()`, None for what did not happen.

    `ended` is no later than the moment at which the peer could know.
    `close` is `keep-alive`, `server-fin`, `server-rst`, `client-fin`, `client-rst` or `stopped`;
    `peer_closed` is when the client went away while we were still answering: its effective time-out.
    """

    bytes_sent: int
    close: str
    first_byte: float | None
    ended: float
    peer_closed: float | None


class Exchange(Protocol):
    """One request that is being answered."""

    @property
    def script(self) -> Script:
        """What to do."""

    def end(self, ending: Ending) -> None:
        """Take note of how it went; called once, on the server's thread."""


class Handler(Protocol):
    """Decides what is answered. All methods are called on the server's thread and must not block."""

    def answer(self, arrival: Arrival) -> Exchange:
        """Return what to do with a request."""

    def refuse(self, what: str, detail: str) -> None:
        """Take note of what is no request.

        `what` is `too-large` (head or body over the limit), `bad-request` (no HTTP), `egress` (a CONNECT
        to a host outside the list; `detail` is host:port), `tls` (a handshake that the peer broke off) or
        `connection` (a connection to a listener that never answers HTTP).
        """
