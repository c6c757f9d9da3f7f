"""Tests of R4: a ready path that follows what requests need, a liveness path that does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.gates.system import health
from pytest_failhard.gates.system.broken import Limits
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.model import Severity
from tests.gates.system.staged import PYTHON, stage
from tests.gates.system.test_refusals import STORE
from tests.support import Kept

APP = """
import json, os, signal, socket, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ITEMS = os.environ.get("ITEMS", "")
if ITEMS:
    open(ITEMS, "w").close()

def stock():
    where = os.environ["STORE_URL"].rpartition(":")[2]
    with socket.create_connection(("127.0.0.1", int(where)), 0.2) as connection:
        connection.settimeout(0.2)
        connection.sendall(b"how many\\n")
        return connection.recv(100)

def items():
    return open(ITEMS).read()

def needed():
    #NEEDED
    pass

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = 200, b"ok"
        try:
            #ANSWER
            if self.path == "/health":
                needed()
            elif self.path == "/stock":
                body = stock()
            elif self.path == "/items":
                body = items().encode()
        except OSError:
            status = 503
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass

class Server(ThreadingHTTPServer):
    daemon_threads = True
    def server_bind(self):
        self.socket.bind(self.server_address)

#START
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
FOLLOWS = "stock() and items()"
STOCK: dict[str, object] = {
    "name": "store",
    "url_env": "STORE_URL",
    "provide": {"start": [*PYTHON, "store.py"], "port_env": "STORE_PORT"},
}
ITEMS: dict[str, object] = {"name": "items.db", "url_env": "ITEMS", "break": "path"}
NEEDS_STOCK = {"id": "stock", "path": "/stock", "needs": ["store"]}
NEEDS_ITEMS = {"id": "items", "path": "/items", "needs": ["items.db"]}
NEEDS_NOTHING = {"id": "about", "path": "/about"}
TABLE: dict[str, object] = {
    "live": "/live",
    "grace_s": 1,
    "secrets": [{"name": "KEY"}],
    "routes": [NEEDS_STOCK, NEEDS_ITEMS, NEEDS_NOTHING],
    "dependencies": [STOCK, ITEMS],
}
ALL = ("R4", "R4/dependencies", "R4/liveness")
PATIENT = Limits(react=10, turn=0.02)
QUICK = Limits(react=0.5, turn=0.02)
"""For what never comes: the whole time is waited."""


def judged(
    tmp_path: Path,
    table: Mapping[str, object],
    *,
    needed: str = "pass",
    answer: str = "pass",
    start: str = "",
    parts: tuple[str, ...] = ("R4",),
    kept: Kept | None = None,
    limits: Limits = PATIENT,
) -> Seen:
    """Return what R4 sees of an app."""
    app = APP.replace("#NEEDED", needed).replace("#ANSWER", answer).replace("#START", start)
    with stage(tmp_path, app, table, parts=parts, files={"store.py": STORE}, kept=kept) as made:
        return health.check(made, limits)


def rules(seen: Seen) -> list[str]:
    return sorted(each.rule for each in seen.findings)


def test_health_that_follows_what_is_needed(tmp_path: Path) -> None:
    kept = Kept()
    seen = judged(tmp_path, TABLE, needed=FOLLOWS, parts=ALL, kept=kept)
    assert rules(seen) == []
    assert seen.proved == {"H1": True, "H2": True, "H3": True}
    assert seen.volatile == {"health_p95_ms"}
    assert {name: value for name, value in seen.measures.items() if name not in seen.volatile} == {
        "health_polls": 50,
        "dependencies_broken": 2,
        "dependencies_unbroken": 0,
    }
    assert json.loads(kept.files["health.json"])[1] == {
        "dependency": "items.db",
        "broken_by": "path",
        "used": True,
        "ready_followed": True,
        "routes_with_success": [],
        "ready_after_repair": True,
        "live_meanwhile": True,
    }


@pytest.mark.parametrize("how", ["reset", "hang"])
def test_health_follows_however_it_breaks(tmp_path: Path, how: str) -> None:
    table = {**TABLE, "dependencies": [{**STOCK, "break": how}], "routes": [NEEDS_STOCK]}
    seen = judged(tmp_path, table, needed="stock()", parts=("R4", "R4/dependencies"))
    assert (rules(seen), seen.proved["H2"]) == ([], True)


GUESSES = """
            try:
                needed()
            except OSError:
                pass
            self.path = "/made-up"
"""


def test_blind_health_and_answers_made_up(tmp_path: Path) -> None:
    seen = judged(
        tmp_path,
        TABLE,
        answer=GUESSES,
        needed=FOLLOWS,
        parts=("R4", "R4/dependencies"),
        limits=QUICK,
    )
    assert rules(seen) == ["R4-health-blind"] * 2 + ["R4-success-without-dependency"] * 2
    assert seen.proved == {"H1": True, "H2": False, "H3": True}
    assert {each.message for each in seen.findings if each.rule == "R4-success-without-dependency"} == {
        "while store is broken, the route stock, which needs it, answers with success",
        "while items.db is broken, the route items, which needs it, answers with success",
    }


def test_what_was_never_used_cannot_be_broken(tmp_path: Path) -> None:
    table = {**TABLE, "routes": [NEEDS_NOTHING]}
    app = APP.replace("if ITEMS:", "if False:")
    with stage(tmp_path, app, table, parts=ALL, files={"store.py": STORE}) as made:
        seen = health.check(made, QUICK)
    assert rules(seen) == ["R4-dependency-unused"] * 2
    assert (seen.measures["dependencies_broken"], seen.measures["dependencies_unbroken"]) == (0, 2)
    assert seen.proved["H2"] is False


GIVES_UP = """
    try:
        stock()
    except OSError:
        GONE.append(1)
    if GONE:
        raise OSError
"""


def test_a_system_that_never_comes_back(tmp_path: Path) -> None:
    table = {**TABLE, "dependencies": [STOCK], "routes": [NEEDS_STOCK]}
    seen = judged(
        tmp_path, table, needed=GIVES_UP, start="GONE = []", parts=("R4", "R4/dependencies"), limits=QUICK
    )
    assert rules(seen) == ["R4-no-recovery"]


def test_liveness_that_asks_a_dependency(tmp_path: Path) -> None:
    seen = judged(tmp_path, TABLE, needed=FOLLOWS, answer="if self.path == '/live': needed()", parts=ALL)
    assert rules(seen) == ["R4-liveness-follows-dependency"] * 2
    assert seen.proved["H3"] is False


def test_a_health_path_that_fails_at_times(tmp_path: Path) -> None:
    answer = "if self.path == '/health' and len(SEEN.append(1) or SEEN) == 7: raise OSError"
    seen = judged(tmp_path, {}, answer=answer, start="SEEN = []")
    assert rules(seen) == ["R4-not-ready"]
    assert seen.proved == {"H1": False, "H3": False}
    assert seen.measures["health_polls"] == 50


@pytest.mark.parametrize(
    ("body", "rule", "severity"),
    [
        ("os.environ['KEY'].encode()", "R4-discloses-secret", Severity.HIGH),
        ('b\'{"db": "PostgreSQL 15.3"}\'', "R4-discloses-version", Severity.MEDIUM),
        ('b\'{"note": "No health check available"}\'', "R4-health-text", Severity.LOW),
    ],
)
def test_what_health_says(tmp_path: Path, body: str, rule: str, severity: Severity) -> None:
    seen = judged(tmp_path, {"secrets": [{"name": "KEY"}]}, answer=f"body = {body}", parts=ALL)
    assert [(each.rule, each.severity) for each in seen.findings] == [(rule, severity)]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("signal.signal(signal.SIGTERM, lambda *_: None)", ["R4-ready-after-term"]),
        ("signal.signal(signal.SIGTERM, lambda *_: globals().update(needed=lambda: open('/no')))", []),
    ],
    ids=["goes on", "says 503"],
)
def test_after_its_end_was_asked_for(tmp_path: Path, start: str, expected: list[str]) -> None:
    seen = judged(tmp_path, {"grace_s": 1}, start=start, parts=ALL, limits=QUICK)
    assert rules(seen) == expected


def test_what_serves_nothing_has_no_health(tmp_path: Path) -> None:
    job: dict[str, object] = {"kind": "job", "outputs": [], "port_env": None, "ready": None}
    assert judged(tmp_path, job) == Seen()
