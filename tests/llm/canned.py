"""A hand-made handler, and a raw client that sees exactly what is on the wire."""

from __future__ import annotations

import os
import queue
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_failhard.llm.handler import Arrival, Ending
from pytest_failhard.llm.operations import Operation, Script, Send

PATIENCE = 10.0
BODY = b'{"ok":true}'
HEALTHY = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
GET = b"GET /v1/models HTTP/1.1\r\nhost: h\r\n\r\n"
OK = (Send(data=HEALTHY),)


@dataclass
class Answer:
    """A fixed answer, which tells its ending to whoever waits."""

    script: Script
    endings: queue.Queue[Ending]

    def end(self, ending: Ending) -> None:
        """Tell."""
        self.endings.put(ending)


@dataclass
class Canned:
    """Answers all requests alike, and keeps what it was told."""

    operations: tuple[Operation, ...] = OK
    before: Callable[[], None] = lambda: None
    arrivals: list[Arrival] = field(default_factory=list)
    endings: queue.Queue[Ending] = field(default_factory=queue.Queue)
    refused: queue.Queue[tuple[str, str]] = field(default_factory=queue.Queue)

    def answer(self, arrival: Arrival) -> Answer:
        """Keep the request."""
        self.before()
        self.arrivals.append(arrival)
        return Answer(Script(operations=self.operations), self.endings)

    def refuse(self, what: str, detail: str) -> None:
        """Keep what is no request."""
        self.refused.put((what, detail))

    def ending(self) -> Ending:
        """Wait for the end of an answer."""
        return self.endings.get(timeout=PATIENCE)

    def refusal(self) -> tuple[str, str]:
        """Wait for a refusal."""
        return self.refused.get(timeout=PATIENCE)


def connect(port: int, timeout: float = PATIENCE) -> socket.socket:
    """Return a connected client."""
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


def read(client: socket.socket | ssl.SSLSocket, count: int) -> bytes:
    """Return exactly so many bytes, fewer where the peer closes before."""
    data = b""
    while len(data) < count and (more := client.recv(count - len(data))):
        data += more
    return data


def is_reset(client: ssl.SSLSocket) -> bool:
    """Tell whether the peer resets, beneath OpenSSL, which on some versions calls it an end of file."""
    with socket.socket(fileno=os.dup(client.fileno())) as raw:
        raw.settimeout(PATIENCE)
        try:
            read_all(raw)
        except ConnectionResetError:
            return True
    return False


def read_all(client: socket.socket | ssl.SSLSocket) -> bytes:
    """Return everything up to the end of file."""
    data = b""
    while more := client.recv(65536):
        data += more
    return data
