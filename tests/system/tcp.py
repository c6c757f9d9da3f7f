"""A tiny server for tests: answers each line with what it was told to, and counts."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """Serve on a port of its own, and give that: each line comes back in capital letters."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                for line in self.rfile:
                    self.wfile.write(line.upper())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def asked(port: int, line: bytes = b"hello\n", *, within: float = 5.0) -> bytes:
    """Return what a fresh connection gets for a line; raises OSError."""
    with socket.create_connection(("127.0.0.1", port), within) as connection:
        connection.sendall(line)
        return connection.recv(100)
