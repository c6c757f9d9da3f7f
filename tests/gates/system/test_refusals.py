"""Tests of R3: what a system must not run with, and how it has to say so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.gates.system import refusals
from pytest_failhard.gates.system.refusal_cases import Weak
from pytest_failhard.gates.system.refusals import Limits
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.model import Severity
from pytest_failhard.system.derive.derived import Derived
from pytest_failhard.system.derive.facts import Place, Read
from tests.gates.system.staged import PYTHON, stage
from tests.support import Kept

APP = """
import os, socket, sys

WEAK = ("change", "your", "sk-x", "dev-", "production-", "secret", "password", "admin", "test", "aaaa")
problems = []
def check(bad, name):
    if bad:
        problems.append(name)
def held(name):
    value = os.environ.get(name, "")
    return open(value).read() if name.endswith("FILE") and value else value

#CHECKS

if problems:
    sys.exit("cannot start: " + ", ".join(problems))

from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass

class Server(HTTPServer):
    def server_bind(self):
        self.socket.bind(self.server_address)

Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
STRICT = """
for name in ("KEY", "KEY_FILE"):
    value = held(name)
    check(len(value) < 8 or value.startswith(WEAK) or len(value) > 1000 or "\\n" in value, name)
check(os.environ.get("MODE") not in ("production", "development"), "MODE")
check(not os.environ.get("SIZE", "3").isdigit() or not 1 <= int(os.environ.get("SIZE", "3")) <= 9, "SIZE")
check(os.environ.get("COLOUR", "red") not in ("red", "blue"), "COLOUR")
"""
TABLE: dict[str, object] = {
    "secrets": [{"name": "KEY", "provider": True}, {"name": "KEY_FILE", "file": True}],
    "environment_env": "MODE",
    "production": "production",
    "development": "development",
    "settings": [
        {"name": "SIZE", "type": "int", "minimum": 1, "maximum": 9},
        {"name": "COLOUR", "choices": ["red", "blue"]},
    ],
}
ALL = ("R3", "R3/settings", "R3/malformed", "R3/dependencies")
FEW = (("changeme", True), ("admin", False))
ONE_KEY: dict[str, object] = {"secrets": [{"name": "KEY", "provider": True}]}


def judged(
    tmp_path: Path,
    checks: str,
    table: Mapping[str, object],
    *,
    parts: tuple[str, ...] = ("R3",),
    kept: Kept | None = None,
    within: float = 10,
    weak: Weak = FEW,
) -> Seen:
    """Return what R3 sees of an app with these checks."""
    with stage(tmp_path, APP.replace("#CHECKS", checks), table, parts=parts, kept=kept) as made:
        return refusals.check(made, Limits(within=within, weak=weak))


def rules(seen: Seen) -> dict[str, int]:
    """Return how often each rule was broken."""
    names = [each.rule for each in seen.findings]
    return {name: names.count(name) for name in sorted(set(names))}


def test_a_strict_system_refuses_everything(tmp_path: Path) -> None:
    kept = Kept()
    seen = judged(tmp_path, STRICT, TABLE, parts=ALL, kept=kept)
    assert rules(seen) == {}
    assert seen.measures["refusal_cases"] == (2 * (2 + 4) + 1 + 2 + 5 + 3 + 1)
    assert seen.proved == {"S3": True, "S4": True, "S5": True, "S6": True}
    assert seen.volatile == {"refusal_seconds"}
    assert seen.examined == seen.measures["refusal_cases"]
    described = json.loads(kept.files["refusals.json"])
    assert described[0] == {"case": "absent KEY", "named": True, "outcome": "refused", "port_opened": False}


def test_a_lax_system_is_found_out(tmp_path: Path) -> None:
    table = {**TABLE, "secrets": ONE_KEY["secrets"]}
    seen = judged(tmp_path, "", table, parts=ALL)
    assert rules(seen) == {
        "R3-starts-in-unknown-environment": 5,
        "R3-starts-with-empty-secret": 1,
        "R3-starts-with-malformed-secret": 4,
        "R3-starts-with-malformed-setting": 4,
        "R3-starts-with-weak-secret": 1,
        "R3-starts-without-secret": 1,
    }
    high = {each.rule for each in seen.findings if each.severity is Severity.HIGH}
    assert high == {each for each in rules(seen) if "malformed" not in each}
    assert seen.proved == {"S3": False, "S4": False, "S5": False, "S6": False}
    assert seen.measures["refusal_seconds"] == 0
    assert len({each.fingerprint for each in seen.findings}) == len(seen.findings)


def test_only_what_is_asked_for_is_tried(tmp_path: Path) -> None:
    seen = judged(tmp_path, STRICT, {"settings": TABLE["settings"], "secrets": []}, parts=("R3",))
    assert (seen.findings, seen.measures["refusal_cases"], seen.proved) == ((), 0, {})


OPENS_FIRST = """
if not held('KEY'):
    import time
    s = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))
    time.sleep(0.4)
    sys.exit('no KEY')
"""


def test_secrets_that_only_the_code_knows_are_tried_too(tmp_path: Path) -> None:
    reads = tuple(
        Read(name=name, place=Place(path="app.py", line=1)) for name in ("SIGNING_KEY", "KEY", "SIZE")
    )
    with stage(tmp_path, APP, TABLE | ONE_KEY, parts=("R3",)) as made:
        made.derived = Derived(examined=1, reads=reads)
        seen = refusals.check(made, Limits(weak=()))
    absent = [each.message for each in seen.findings if each.rule == "R3-starts-without-secret"]
    assert absent == [
        "in production, started without KEY, the system runs",
        "in production, started without SIGNING_KEY, the system runs",
    ]


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ("if not held('KEY'): sys.exit('a variable is missing')", "R3-secret-not-named"),
        ("if not held('KEY'): print('no KEY'); sys.exit(0)", "R3-starts-without-secret"),
        ("if not held('KEY'): print(os.environ['OTHER']); sys.exit('no KEY')", "R3-secret-leaked"),
        (OPENS_FIRST, "R3-port-opened"),
    ],
    ids=["not named", "status 0", "leaks", "port opened"],
)
def test_a_refusal_has_to_be_one(tmp_path: Path, checks: str, expected: str) -> None:
    table = {"secrets": [{"name": "KEY", "provider": True}, {"name": "OTHER", "provider": True}]}
    seen = judged(tmp_path, checks, table, weak=())
    of_key = [each for each in seen.findings if "without KEY" in each.message]
    assert [each.rule for each in of_key] == [expected]
    assert all(each.path == "pyproject.toml" for each in of_key)


def test_what_neither_runs_nor_ends_is_no_refusal(tmp_path: Path) -> None:
    checks = "import time\nif not held('KEY'): time.sleep(600)"
    seen = judged(tmp_path, checks, ONE_KEY, within=0.3, weak=())
    messages = [each.message for each in seen.findings if "without KEY" in each.message]
    assert messages == ["in production, started without KEY, the system neither runs nor ends"]


def test_a_slow_machine_is_no_reason_for_a_finding(tmp_path: Path) -> None:
    checks = "import time; time.sleep(0.1); check(not held('KEY'), 'KEY')"
    with stage(tmp_path, APP.replace("#CHECKS", checks), ONE_KEY, parts=("R3",)) as made:
        made.ready_seconds = 5
        assert rules(refusals.check(made, Limits(within=0.01, weak=()))) == {}


def test_workers_and_jobs_refuse_too(tmp_path: Path) -> None:
    code = "import os, sys; os.environ.get('KEY') or sys.exit('KEY')"
    job: dict[str, object] = {"kind": "job", "start": [*PYTHON, "-c", code], "outputs": [], **ONE_KEY}
    job |= {"port_env": None, "ready": None}
    with stage(tmp_path, "", job, parts=("R3",)) as made:
        seen = refusals.check(made)
    # Of all known values, the first one that is taken tells enough.
    assert [each.message for each in seen.findings] == [
        "in production, started with 'changeme' as KEY, which everybody knows, the system runs"
    ]
    assert seen.measures["refusal_cases"] == 3


STORE = """
import os, socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
socketserver.ThreadingTCPServer(("127.0.0.1", int(os.environ["STORE_PORT"])), Handler).serve_forever()
"""
DEPENDENCIES = {
    "dependencies": [
        {
            "name": "store",
            "url_env": "STORE_URL",
            "provide": {"start": [*PYTHON, "store.py"], "port_env": "STORE_PORT"},
        },
        {"name": "items.db", "url_env": "ITEMS", "break": "path"},
    ]
}
CONNECTED = """
try:
    socket.create_connection(("127.0.0.1", int(os.environ["STORE_URL"].rpartition(":")[2])), 5).close()
    open(os.environ["ITEMS"], "w").close()
except OSError as error:
    ANSWER
"""


@pytest.mark.parametrize(
    ("answer", "expected", "within"),
    [
        ("pass", {"R4-health-blind": 2}, 10),
        ("sys.exit('STORE_URL ITEMS')", {}, 10),
        ("sys.exit('no connection')", {"R3-dependency-not-named": 2}, 10),
        ("sys.exit(0)", {"R3-dependency-not-named": 2}, 10),
        ("import time; time.sleep(600)", {}, 0.3),
    ],
    ids=["ready all the same", "named", "not named", "status 0", "never ready"],
)
def test_a_dependency_that_is_not_there_at_the_start(
    tmp_path: Path, answer: str, expected: dict[str, int], within: float
) -> None:
    checks = CONNECTED.replace("ANSWER", answer)
    with stage(
        tmp_path,
        APP.replace("#CHECKS", checks),
        DEPENDENCIES,
        parts=("R3", "R3/dependencies"),
        files={"store.py": STORE},
    ) as made:
        seen = refusals.check(made, Limits(within=within))
        assert rules(seen) == expected
        assert seen.examined == 2
        with made.instance("afterwards"):
            assert len(made.record.starts) == 2
