"""Holds a request in flight: sends half of its body, or all of it, and the rest when it is told to."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from typing import Literal, Self

from pytest_failhard.system.ask import Request
from pytest_failhard.system.declaration import Route

CONNECT_SECONDS = 5.0
Part = Literal["head", "half", "whole"]


def halvable(route: Route) -> bool:
    """Tell whether a route's request can be held by its body: the server waits for the rest of it."""
    return route.method in {"POST", "PUT", "PATCH"} and route.body is not None and route.body != ""


class Held:
    """A request that the server has begun to read, up to the given part: `head` lacks the end of the headers.

    Use it as a context manager: its connection is closed at the end.
    """

    def __init__(self, host: str, port: int, request: Request, part: Part) -> None:
        self._method = request.method
        body = request.body or b""
        headers = {"Host": f"{host}:{port}", **request.headers, "Connection": "close"}
        if body:
            headers["Content-Length"] = str(len(body))
        head = f"{request.method} {request.path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items()
        )
        sent = f"{head}\r\n".encode("latin-1") + body
        cut = {"head": len(head), "half": len(sent) - (len(body) + 1) // 2, "whole": len(sent)}[part]
        self._rest = sent[cut:]
        self._socket = socket.create_connection((host, port), CONNECT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(sent[:cut])

    def __enter__(self) -> Self:
        """Hold it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._socket.close()

    def finish(self) -> None:
        """Send the rest; that nobody takes it any more shows in the status."""
        # What the server had already answered may still be read.
        with contextlib.suppress(OSError):
            self._socket.sendall(self._rest)

    def status(self, within: float) -> int | None:
        """Return the status of a complete answer, None where none comes in so many seconds."""
        deadline = time.monotonic() + within
        self._socket.settimeout(max(within, 0.001))
        response = http.client.HTTPResponse(self._socket, method=self._method)
        try:
            response.begin()
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            response.close()
        return response.status
