"""A provider on loopback for the tests of traffic: it answers each dialect once and keeps what it saw."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

TEXT = "hello from loopback"
_CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
ANSWERS: Mapping[str, object] = {
    "/chat/completions": _CHAT,
    "/messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    ":generateContent": {
        "candidates": [{"content": {"role": "model", "parts": [{"text": TEXT}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    },
    "/converse": {
        "output": {"message": {"role": "assistant", "content": [{"text": TEXT}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
    },
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def origin(self) -> str:
        """The host that the client meant, empty where nobody said so."""
        return self.headers.get("x-failhard-origin", "")

    @property
    def wire(self) -> str:
        """Everything in it as one text."""
        return f"{self.method} {self.target} {dict(self.headers)} {self.body!r}"


@dataclass
class Loopback:
    """Listens on 127.0.0.1 as a context manager."""

    seen: list[Seen] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", "0")))
                seen.append(Seen(method=self.command, target=self.path, headers=headers, body=body))
                self._answer(urlsplit(self.path).path)

            def do_GET(self) -> None:
                self.do_POST()

            def _answer(self, path: str) -> None:
                if path.endswith("/redirect"):
                    self.send_response(307)
                    self.send_header("location", "/v1/chat/completions")
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                found = [answer for suffix, answer in ANSWERS.items() if path.endswith(suffix)]
                data = json.dumps(found[0] if found else {"path": path}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_words: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its base URL without a path."""
        return f"http://127.0.0.1:{self.port}"
