"""The work that is measured: each call does so many units. Stands alone: scratch projects are made of it."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import re
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

Work = Callable[[int], int]
STEPS = 180
ROWS = 20
CHAIN = 500
USERS = json.dumps([{"id": number, "name": f"user{number}", "tags": ["a", "b"]} for number in range(12)])
LINE = "2026-01-15 10:11:12 INFO shop.orders order=4711 items=3 total=59.97 currency=EUR"
FIELD = re.compile(r"(\w+)=([\w.]+)")
MIXED_CPU, WAIT_CPU = 130, 16
"""Units of `pure` before the sleep: about 2.5 ms and 0.3 ms."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A kind of work, how many units a call has, and how to get ready. In one that `waits` only the waiting
    grows with the units: microseconds of sleep.
    """

    name: str
    units: int
    opened: Callable[[], AbstractContextManager[Work]]
    waits: bool = False


def pure(units: int) -> int:
    """Count in a dict, in a loop of integers."""
    total = 0
    counts: dict[int, int] = {}
    for unit in range(units):
        for step in range(STEPS):
            key = (unit ^ step) & 63
            counts[key] = counts.get(key, 0) + step
            total += counts[key] & 7
    return total


def loads(units: int) -> int:
    """Parse a document of twelve users."""
    return sum(len(json.loads(USERS)) for _ in range(units))


class Node:
    """A small linked object."""

    def __init__(self, value: int, previous: Node | None) -> None:
        self.value = value
        self.previous = previous
        self.names = [value]


def alloc(units: int) -> int:
    """Make small linked objects; the collector is on, as it is in production.

    Chains end before the oldest generation would be collected: that costs the same however many units.
    """
    last = None
    for value in range(units):
        last = Node(value, last if value % CHAIN else None)
    return last.value if last else 0


def string(units: int) -> int:
    """Search, split and format a line of a log."""
    total = 0
    for unit in range(units):
        fields = {name: value.upper() for name, value in FIELD.findall(LINE)}
        words = [word.strip() for word in LINE.split(" ")]
        total += len(f"{words[2]:>8}|{unit:06d}|{fields['order']}|{float(fields['total']):.3f}")
        total += len(",".join(f"{name}={value}" for name, value in fields.items()))
    return total


def mixed(units: int) -> int:
    """Work, then sleep for so many microseconds."""
    pure(MIXED_CPU)
    time.sleep(units / 1e6)
    return units


def wait(units: int) -> int:
    """Work a little, then sleep for so many microseconds."""
    pure(WAIT_CPU)
    time.sleep(units / 1e6)
    return units


@contextlib.contextmanager
def database() -> Iterator[Work]:
    """Yield what writes so many rows, twenty a transaction, into an indexed table that is empty before."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(_connected(folder)) as connection:

        def work(units: int) -> int:
            for first in range(0, units, ROWS):
                rows = [(row, f"item{row * 7919 % 1000}") for row in range(first, min(first + ROWS, units))]
                with connection:
                    connection.executemany("INSERT INTO items VALUES (?, ?)", rows)
            with connection:
                removed = connection.execute("DELETE FROM items").rowcount
            # In every call: once in some calls it would be a step.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return removed

        yield work


def _connected(folder: str) -> sqlite3.Connection:
    connection = sqlite3.connect(Path(folder, "items.db"))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("CREATE TABLE items (number INTEGER, name TEXT)")
    connection.execute("CREATE INDEX by_name ON items (name)")
    return connection


class Answer(http.server.BaseHTTPRequestHandler):
    """Does as much work as the path says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer in one write."""
        body = json.dumps({"users": loads(int(self.path[1:]))}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep quiet."""


class Server(http.server.HTTPServer):
    """Meets one connection, on the thread that asks it to."""

    def server_bind(self) -> None:
        """Bind without asking who we are: that may take seconds."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", int(self.server_address[1])


@contextlib.contextmanager
def served() -> Iterator[Work]:
    """Yield what asks a server on a thread of this process, over one connection that stays."""
    with Server(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        link = socket.create_connection(("127.0.0.1", server.server_port), timeout=30)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = http.client.HTTPConnection("127.0.0.1", server.server_port)
        client.sock = link

        def work(units: int) -> int:
            client.request("GET", f"/{units}")
            return int(json.loads(client.getresponse().read())["users"])

        try:
            yield work
        finally:
            client.close()
            thread.join()


def plain(work: Work) -> Callable[[], AbstractContextManager[Work]]:
    """Return what needs no getting ready."""
    return lambda: contextlib.nullcontext(work)


WORKLOADS: Mapping[str, Workload] = {
    each.name: each
    for each in (
        Workload(name="pure", units=250, opened=plain(pure)),
        Workload(name="json", units=200, opened=plain(loads)),
        Workload(name="alloc", units=8000, opened=plain(alloc)),
        Workload(name="string", units=200, opened=plain(string)),
        Workload(name="sqlite", units=1200, opened=database),
        Workload(name="http", units=150, opened=served),
        Workload(name="mixed", units=3000, opened=plain(mixed), waits=True),
        Workload(name="wait", units=2000, opened=plain(wait), waits=True),
    )
}
SIX = ("pure", "json", "alloc", "string", "sqlite", "http")
