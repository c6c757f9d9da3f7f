"""A loopback service that answers as OSV does, and notes who asked for what."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
PATH = "v1/query"
BODY_BYTES = 64 * 1024
SECRET_BYTES = 16
IDLE_SECONDS = 60
JOIN_SECONDS = 10

Record = dict[str, object]
Answer = Callable[[str, str], Sequence[Record] | None]
"""Returns the records for a package (as asked) and a version; None refuses to answer."""


@dataclass(frozen=True, kw_only=True, order=True)
class Asked:
    """One question."""

    name: str
    version: str


class _RefusalError(Exception):
    """A request that gets no answer: its status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    service: OsvServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Note it: a client that goes away in the middle did not get its answer."""
        del request, client_address
        self.service.refused.append("a connection broke off")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body leave in one piece: in two, the peer waits 40 ms to confirm the first.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: _Listener

    def do_POST(self) -> None:
        """Answer a question."""
        service = self.server.service
        try:
            asked = self._asked()
            records = service.answer(asked.name, asked.version)
            if records is None:
                raise _RefusalError(404, f"{asked.name} {asked.version} is none of the requested pins")
        except _RefusalError as refusal:
            service.refused.append(str(refusal))
            self._send(refusal.status, {"code": refusal.status, "message": str(refusal)}, last=True)
            return
        service.ledger.append(asked)
        self._send(200, {"vulns": [*records]} if records else {})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Note what is no HTTP, or another method: OSV's other questions are not answered here."""
        self.server.service.refused.append(f"{code} {message or explain or ''}")
        self._send(code, {"code": code, "message": "not answered here"}, last=True)

    def log_message(self, *_: object, **__: object) -> None:
        """Say nothing: the ledger says it."""

    def _asked(self) -> Asked:
        if self.path != self.server.service.path:
            raise _RefusalError(404, "another path")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > BODY_BYTES:
            raise _RefusalError(400, f"Content-Length {length!r:.20}")
        try:
            match json.loads(self.rfile.read(int(length))):
                case {"package": {"name": str(name), "ecosystem": "PyPI"}, "version": str(version)}:
                    return Asked(name=name, version=version)
                case _:
                    raise _RefusalError(400, "no question about a Python package")
        except ValueError:
            raise _RefusalError(400, "no JSON") from None

    def _send(self, status: int, document: object, *, last: bool = False) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if last:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


class OsvServer:
    """A context manager that serves on a thread of its own; `secret` puts a random part into the path.

    `ledger` and `refused` say afterwards what was asked for and what was not answered.
    """

    def __init__(self, answer: Answer, *, port: int = 0, secret: bool = True) -> None:
        """Listen at once; raises OSError where the port is taken."""
        self.answer = answer
        self.ledger: list[Asked] = []
        self.refused: list[str] = []
        self.path = f"/{secrets.token_hex(SECRET_BYTES)}/{PATH}" if secret else f"/{PATH}"
        self._listener = _Listener((LOOPBACK, port), _Handler)
        self._listener.service = self
        self._thread = threading.Thread(
            target=self._listener.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="failhard-osv",
            daemon=True,
        )

    @property
    def url(self) -> str:
        """Where questions go."""
        return f"http://{LOOPBACK}:{self._listener.server_address[1]}{self.path}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and give the port back."""
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(JOIN_SECONDS)
