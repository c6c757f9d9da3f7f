"""A small server that tests of loaded routes start; `behaviour.json` in its tree says how it behaves.

`units`: work for a request. `limit`: so many requests get an answer, the others 429 at once. `restarts`: it
starts a process for each request and ends the one before. `lacks`: paths that it does not serve. `asks`: it
asks the model. `dead`: it ends at once.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BEHAVIOUR = json.loads(Path("behaviour.json").read_text("utf-8"))
NUMBERS = itertools.count(1)
ITEMS = itertools.count(1)
LOCK = threading.Lock()
WORKERS: list[subprocess.Popen[bytes]] = []
QUESTION = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'


class Handler(BaseHTTPRequestHandler):
    """Answers after some work."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path in BEHAVIOUR.get("lacks", ()):
            self.answer(404, {})
        elif self.path != "/health" and next(NUMBERS) > BEHAVIOUR.get("limit", 10**9):
            self.answer(429, {})
        else:
            if self.path != "/health":
                work()
            self.answer(200, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.answer(201, {"id": str(next(ITEMS))})

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Ends without waiting for connections that are kept open."""

    request_queue_size = 64
    daemon_threads = True


def work() -> None:
    """Do what a request takes."""
    sum(number * number for number in range(BEHAVIOUR.get("units", 1) * 1000))
    if BEHAVIOUR.get("restarts"):
        restart()
    if BEHAVIOUR.get("asks"):
        headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MY_KEY"]}
        url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
        with urllib.request.urlopen(urllib.request.Request(url, QUESTION, headers)) as answer:
            answer.read()


def restart() -> None:
    """Start a process in place of the one before."""
    with LOCK:
        WORKERS.append(subprocess.Popen(["/bin/sleep", "60"]))
        for old in WORKERS[:-1]:
            old.kill()
            old.wait()
            WORKERS.remove(old)


if BEHAVIOUR.get("dead"):
    sys.exit("no such system")
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever(0.01)
