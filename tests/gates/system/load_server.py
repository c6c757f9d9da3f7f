"""A small server that the tests of R5, R6 and R7 start: it ends well, unless its arguments say otherwise.

One word each: `serial`, `lossy` (drops what is in flight), `deaf`, `rude` (ends with 3), `child` (leaves one
behind), `twins` (gives each number twice), `broken` (500 for a POST), `dev` (header of a development server),
`speaks` (says so), `keys` (heeds idempotency keys), `debug` (a debugger's page for what goes wrong), `reloader`, `runserver`.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

MODES = set(sys.argv[1:])
NUMBERS = itertools.count(1)
LOCK = threading.Lock()
KEYS: dict[str | None, int] = {}
CHILDREN: list[subprocess.Popen[bytes]] = []


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        number = self.path.rpartition("/")[2]
        if self.path == "/health":
            self.answer(200, {"status": "ok"})
        elif self.path.startswith("/items/") and number.isdigit():
            self.answer(200, {"id": int(number)})
        else:
            self.wrong(404)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            title = json.loads(text)["title"]
        except (ValueError, KeyError, TypeError):
            self.wrong(400)
            return
        key = self.headers["Idempotency-Key"] if "keys" in MODES else None
        with LOCK:
            number = KEYS.get(key) or next(NUMBERS)
            KEYS.update({key: number} if key else {})
        self.answer(500 if "broken" in MODES else 201, {"id": number // (1 + ("twins" in MODES)), "t": title})

    def wrong(self, status: int) -> None:
        if "debug" in MODES:
            self.answer(500, {"page": "<!-- __debugger__ -->"})
        else:
            self.answer(status, {"error": "no"})

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def version_string(self) -> str:
        return "Werkzeug/3.0" if "dev" in MODES else "shop"

    def log_request(self, *_: object) -> None:
        pass


class Threaded(ThreadingHTTPServer):
    """Waits for its requests when it ends."""

    request_queue_size = 128
    daemon_threads = "lossy" in MODES


def prepare() -> None:
    """Say what it says, start what it starts."""
    if "speaks" in MODES:
        print("\x1b[31mWARNING: This is a \x1b[1mdevelopment server.", flush=True)
    if "child" in MODES:
        # Popen of one that outlives us would warn; this one is nobody's.
        os.posix_spawn(
            sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"], os.environ
        )
    if "reloader" in MODES:
        # As a reloader does: the parent watches files, the child serves.
        pause = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
        CHILDREN.append(subprocess.Popen(pause, env={**os.environ, "RUN_MAIN": "true"}))


def main() -> None:
    """Serve."""
    made = HTTPServer if "serial" in MODES else Threaded
    server = made(("127.0.0.1", int(os.environ["PORT"])), Handler)

    def end(*_: object) -> None:
        if "lossy" in MODES:
            os._exit(0)
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in MODES else end)
    prepare()
    server.serve_forever(0.01)
    server.server_close()
    for child in CHILDREN:
        child.kill()
    if "rude" in MODES:
        sys.exit(3)


if __name__ == "__main__":
    main()
