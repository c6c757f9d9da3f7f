"""Takes one HTTP/1.1 request out of the bytes of a connection, within limits."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import h11

HEAD_LIMIT_BYTES: Final = 64 * 1024
BODY_LIMIT_BYTES: Final = 64 * 1024 * 1024


class ParseError(Exception):
    """What arrived is no request that can be answered."""


class TooLargeError(ParseError):
    """A head or a body is over its limit."""


@dataclass(frozen=True)
class Parsed:
    """A request as it stands on the wire. Times are of `time.monotonic()`, in seconds.

    `began` is when its first byte was here; `rest` are bytes of the requests after it.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    rest: bytes
    keeps_open: bool
    began: float
    headers_complete: float
    body_complete: float


class Parser:
    """Reads one request with h11, which reads only: it refuses to send what most faults are made of."""

    def __init__(self, data: bytes = b"") -> None:
        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT_BYTES)
        self._head: h11.Request | None = None
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body: list[bytes] = []
        self._size = 0
        self._unread = 0
        self._began = 0.0
        self._headers_complete = 0.0
        if data:
            self.feed(data)

    @property
    def started(self) -> bool:
        """Whether a part of the request is here."""
        return self._began > 0

    def feed(self, data: bytes) -> None:
        """Take in bytes, of this request and of those after it. Raises TooLargeError."""
        if not self._began:
            self._began = monotonic()
        self._unread += len(data)
        if self._unread > HEAD_LIMIT_BYTES + BODY_LIMIT_BYTES:
            raise TooLargeError("more bytes sent ahead of an answer than a request may have")
        self._reader.receive_data(data)

    def take(self) -> Parsed | None:
        """Return the request once it is whole; once only. Raises ParseError."""
        try:
            return self._take()
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == 431:
                raise _large_head() from error
            # What h11 quotes after the colon may hold a key.
            raise ParseError(str(error).partition(":")[0]) from error

    def continues(self) -> bool:
        """Return, once, whether the client waits for `100 Continue` before it sends the body."""
        waits = self._head is not None and self._reader.they_are_waiting_for_100_continue
        if waits:
            self._reader.send(h11.InformationalResponse(status_code=100, headers=[]))
        return waits

    def _take(self) -> Parsed | None:
        while True:
            event = self._reader.next_event()
            if isinstance(event, h11.Request):
                self._begin(event)
            elif isinstance(event, h11.Data):
                self._grow(event.data)
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                return self._finish(self._head)
            else:
                return None

    def _begin(self, head: h11.Request) -> None:
        if self._unread > HEAD_LIMIT_BYTES and _size(head) > HEAD_LIMIT_BYTES:
            raise _large_head()
        if not head.http_version.startswith(b"1"):
            raise ParseError("a version of HTTP that is not 1")
        self._head = head
        self._headers_complete = monotonic()
        # As a list: h11's sequence is several times slower to go through, and this is done for every call.
        self._headers = tuple(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in list(head.headers)]
        )
        self._limit(int(dict(self._headers).get("content-length", "0")))

    def _grow(self, data: bytes) -> None:
        self._unread = 0
        self._size += len(data)
        self._limit(self._size)
        self._body.append(bytes(data))

    def _limit(self, size: int) -> None:
        if size > BODY_LIMIT_BYTES:
            raise TooLargeError(f"a body of more than {BODY_LIMIT_BYTES} bytes")

    def _finish(self, head: h11.Request) -> Parsed:
        return Parsed(
            head.method.decode("ascii"),
            _target(head.target.decode("latin-1")),
            self._headers,
            b"".join(self._body),
            bytes(self._reader.trailing_data[0]),
            self._reader.their_state is not h11.MUST_CLOSE,
            self._began,
            self._headers_complete,
            monotonic(),
        )


def _target(target: str) -> str:
    if not target.startswith("/") or target.startswith("//"):
        try:
            _ = urlsplit(target).port
        except ValueError as error:
            raise ParseError("illegal target") from error
    return target


def _size(head: h11.Request) -> int:
    return sum(len(name) + len(value) + 4 for name, value in head.headers) + len(head.target)


def _large_head() -> TooLargeError:
    return TooLargeError(f"a head of more than {HEAD_LIMIT_BYTES} bytes")
