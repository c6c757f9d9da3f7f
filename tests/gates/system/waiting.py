"""A small system whose one route waits for a store that it is declared to need."""

from __future__ import annotations

from tests.gates.system.staged import PYTHON

WAITING = """
import os, socket, sys
from urllib.parse import urlsplit
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
PLACE = urlsplit(os.environ["STORE_URL"])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/stock":
            with socket.create_connection((PLACE.hostname, PLACE.port)) as store:
                store.sendall(b"?")
                store.recv(1)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def version_string(self): return "shop"
    def log_request(self, *_): pass
made = HTTPServer if "serial" in sys.argv else ThreadingHTTPServer
made(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
STORE = """
import os, socket
with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as server:
    while True:
        one, _ = server.accept()
        with one:
            if one.recv(1): one.sendall(b"!")
"""


def waiting(*modes: str) -> dict[str, object]:
    """Return its declaration; with `serial` it serves one after the other."""
    return {
        "start": [*PYTHON, "app.py", *modes],
        "routes": [{"id": "stock", "path": "/stock", "needs": ["store"]}],
        "dependencies": [
            {
                "name": "store",
                "url_env": "STORE_URL",
                "provide": {"start": [*PYTHON, "store.py"], "port_env": "PORT"},
            }
        ],
    }
