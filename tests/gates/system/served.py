"""A tiny service that does everything right, and one thing wrong where a test says so."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_failhard.gates.system import SystemGate
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.system.declaration import parse
from tests.support import FakeTools, Kept, gate_run, write

SERVICE = r"""
import base64, json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

FAULT, SECRET = os.environ.get("FAULT", ""), os.environ["API_TOKEN"]
ITEMS, COUNTS, LOCK = {}, {"all": 0}, threading.Lock()
IDS, TWO = [], threading.Barrier(2)


class Refused(Exception):
    pass


class Handler(BaseHTTPRequestHandler):
    protocol_version, server_version, sys_version = "HTTP/1.1", "tiny", ""

    def serve(self):
        self.close_connection = True
        with LOCK:
            COUNTS["all"] += FAULT != "still counters"
        try:
            status, document = self.answer()
        except Refused as refused:
            status, document = refused.args
        if status:
            self.reply(status, document)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def answer(self):
        path = unquote(self.path.partition("?")[0], errors="replace")
        if path == "/metrics" and self.command == "GET" and FAULT != "no metrics":
            text = "# TYPE asked_total counter\nasked_total %d\n" % COUNTS["all"]
            timed = 7 if FAULT == "still histogram" else COUNTS["all"]
            text += "# TYPE took histogram\ntook_bucket{le=\"+Inf\"} %d\ntook_sum 0.5\ntook_count %d\n" % (timed, timed)
            return 200, "{" if FAULT == "odd metrics" else text
        if path == "/health":
            return (200, {"status": "ok"}) if self.command == "GET" else (405, {"error": "method"})
        if path == "/items":
            return self.create() if self.command == "POST" else (405, {"error": "method"})
        if path.startswith("/items/") and path[7:] in ITEMS:
            return (200, ITEMS[path[7:]]) if self.command == "GET" else (405, {"error": "method"})
        return (500 if FAULT == "unknown path" else 404), {"error": "unknown"}

    def create(self):
        length = int(self.headers["Content-Length"])
        if length > 65536 and FAULT != "no limit":
            raise Refused(413, {"error": "too large"})
        data = self.rfile.read(length)
        try:
            return self.created(json.loads(data) if self.headers["Content-Type"] == "application/json" else None)
        except (ValueError, RecursionError) as error:
            if FAULT == "exception text":
                raise Refused(400, {"error": "%s: %s" % (type(error).__name__, error)})
            raise Refused(400, {"error": "no JSON"})

    def created(self, document):
        if document == [1]:
            if FAULT == "drop":
                return 0, None
            if FAULT == "crash":
                os._exit(9)
            if FAULT == "hang":
                threading.Event().wait(600)
            if FAULT == "server error":
                raise Refused(500, {"error": "internal"})
        title = document.get("title") if isinstance(document, dict) else None
        if not isinstance(title, str):
            raise Refused(200 if FAULT == "lenient" else 400, {"error": "title"})
        if FAULT == "log bodies":
            log(message="created", title=title)
        number = str(1000 + len(ITEMS))
        ITEMS[number] = {"id": number, "title": title}
        return 201, ITEMS[number]

    def reply(self, status, document):
        identity = self.headers.get("X-Request-ID", "")
        if FAULT == "mixed" and identity:
            identity = latest(identity)
        body = (document if isinstance(document, str) else json.dumps(document)).encode()
        if FAULT == "leak in a body":
            body = json.dumps({"debug": SECRET[3:20]}).encode()
        if FAULT == "traceback":
            body = b'Traceback (most recent call last):\n  File "app.py", line 3, in serve\nKeyError: \'x\''
        if FAULT != "unlogged":
            log(message="request", status=status, request_id=identity)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if FAULT != "unechoed":
            self.send_header("X-Request-ID", identity)
        if FAULT == "leak in a header":
            self.send_header("X-Debug", base64.b64encode(b"user:" + SECRET.encode()).decode())
        if FAULT == "version":
            self.send_header("X-Powered-By", "tiny/1.2.3")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def latest(identity):
    IDS.append(identity)
    try:
        TWO.wait(0.3)
    except threading.BrokenBarrierError:
        TWO.reset()
    return IDS[-1]


def log(**fields):
    print(json.dumps({"level": "INFO", **fields}), flush=True)


for line in os.environ.get("SAYS", "").splitlines():
    print(line.replace("<secret>", SECRET), flush=True)
if FAULT == "leak in a file":
    with open("notes.txt", "w") as stream:
        stream.write(SECRET.encode().hex())
if FAULT == "leak in its home":
    with open(os.environ["HOME"] + "/a-random-name", "w") as stream:
        stream.write(SECRET)
if FAULT == "leak in arguments" and len(sys.argv) == 1:
    os.execv(sys.executable, [sys.executable, "-I", "-S", sys.argv[0], "--token=" + SECRET])
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.daemon_threads = True
server.handle_error = lambda *_: None
server.serve_forever()
"""
"""Of the standard library alone: it is ready after 50 ms."""

HTTP: Mapping[str, object] = {
    "kind": "http",
    "start": [sys.executable, "-I", "-S", "app.py"],
    "port_env": "PORT",
    "ready": "/health",
    "secrets": [{"name": "API_TOKEN"}],
    "routes": [
        {
            "id": "create",
            "method": "POST",
            "path": "/items",
            "body": {"title": "t-${n}"},
            "expect": [201],
            "capture": {"item": "id"},
        },
        {"id": "show", "path": "/items/${item}"},
    ],
}


@contextlib.contextmanager
def stage(
    tmp_path: Path,
    *parts: str,
    fault: str = "",
    says: str = "",
    keep: Kept | None = None,
    tools: FakeTools | None = None,
    packages: tuple[str, ...] | None = None,
    house_phrases: tuple[str, ...] = (),
    declared: Mapping[str, object] = HTTP,
) -> Iterator[Stage]:
    """Give a stage over the service, with the parts of a level; `says` are lines it writes at its start."""
    root = write(tmp_path / "project", {"app.py": SERVICE})
    settings = [{"name": "FAULT", "value": fault}, {"name": "SAYS", "value": says}]
    gate, scratch = SystemGate(), tmp_path / "scratch"
    if tools is None:
        run = gate_run(root, gate, scratch=scratch, keep=keep, packages=packages)
    else:
        run = gate_run(
            root, gate, scratch=scratch, keep=keep, executable=tools.executable, packages=tools.packages
        )
    try:
        yield Stage(
            run=run,
            settings=SystemSettings(enforce=parts, house_phrases=house_phrases),
            system=parse({**declared, "settings": settings}),
            tree=root,
            python=Path(sys.executable),
        )
    finally:
        run.close()
