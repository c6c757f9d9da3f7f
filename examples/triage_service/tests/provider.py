"""A model provider on 127.0.0.1 that speaks enough of the OpenAI wire, and fails as told."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

PROPOSAL = {
    "category": "billing",
    "priority": "high",
    "queue": "finance",
    "reason": "The customer was charged twice.",
}


def completion(content: object, finish_reason: str = "stop") -> bytes:
    """Return the body of a chat completion with this content."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "triage-model-2026",
            "choices": [{"index": 0, "finish_reason": finish_reason, "message": message}],
        }
    ).encode()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer of the provider."""

    status: int = 200
    body: bytes = field(default_factory=lambda: completion(PROPOSAL))
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    """Announce the whole body, send half, close."""
    silent: bool = False
    """Do not answer before the provider is closed."""


class Provider:
    """The server; replies are used in order, and the last one for all further calls."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.requests: list[dict[str, object]] = []
        self.authorisations: list[str | None] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Return the base URL for the SDK."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def will(self, *replies: Reply) -> None:
        """Answer like this from now on."""
        self.replies.clear()
        self.replies.extend(replies)

    def next_reply(self) -> Reply:
        """Return what the next call gets."""
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider.requests.append(json.loads(body))
                provider.authorisations.append(self.headers["Authorization"])
                self._send(provider.next_reply())

            def _send(self, reply: Reply) -> None:
                if reply.silent:
                    provider.closing.wait()
                    return
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply.body)))
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)

            def log_request(self, code: object = "-", size: object = "-") -> None:
                """Write nothing: the tests read the requests."""

        return Handler
