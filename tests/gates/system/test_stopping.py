"""Tests of R7: systems that end well, that lose requests, that do not end, that leave something behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.gates.system import server, stopping
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.gates.system.stopping import Pauses
from pytest_failhard.model import GateError
from pytest_failhard.system.declaration import System
from tests.gates.system.staged import stage
from tests.gates.system.staging import CREATE, SHOW, Staging, system
from tests.gates.system.waiting import STORE, WAITING, waiting
from tests.size import some

SHORT = Pauses(settle=0.1, rest=0.1, again=0.02)


def rules(seen: Seen) -> list[str]:
    return [finding.rule for finding in seen.findings]


def counts(seen: Seen) -> Mapping[str, int | Fraction]:
    return {name: value for name, value in seen.measures.items() if name not in seen.volatile}


def test_a_good_system_answers_what_is_in_flight(staging: Staging) -> None:
    seen = stopping.check(staging(system(), "R7", "R7/in-flight"), SHORT)
    assert rules(seen) == []
    assert counts(seen) == {"in_flight": 8, "lost_requests": 0, "processes_left": 0}
    assert seen.proved == {"G1": True, "G2": True, "G3": True}
    assert (seen.volatile, seen.examined) == (frozenset({"shutdown_seconds"}), 1)
    kept = json.loads(staging.kept.files["shutdown.json"])
    assert kept["R7"]["code"] == 0
    assert "told" not in kept["R7"]


def test_at_rest_nothing_is_held(staging: Staging) -> None:
    seen = stopping.check(staging(system(routes=()), "R7"), SHORT)
    assert counts(seen) == {"in_flight": 0, "lost_requests": 0, "processes_left": 0}
    assert seen.proved == {"G2": True, "G3": True}
    assert stopping.check(staging(system(), "R6"), SHORT).measures == {}


def test_a_system_that_ends_at_once_loses_all(staging: Staging) -> None:
    # It ends with 0: the exit code does not show it.
    seen = stopping.check(staging(system("lossy"), "R7", "R7/in-flight"), SHORT)
    assert rules(seen) == ["R7-lost-requests"]
    assert counts(seen) == {"in_flight": 8, "lost_requests": 8, "processes_left": 0}
    assert seen.proved == {"G1": False, "G2": True, "G3": True}


def test_a_system_that_does_not_listen_is_over_its_time(staging: Staging) -> None:
    seen = stopping.check(staging(system("deaf", grace_s=1), "R7"), SHORT)
    assert rules(seen) == ["R7-over-grace"]
    assert seen.proved == {"G2": False, "G3": True}
    assert seen.measures["shutdown_seconds"] >= 1


def test_a_failure_on_the_way_down_is_told(staging: Staging) -> None:
    seen = stopping.check(staging(system("rude"), "R7"), SHORT)
    assert [each.message for each in seen.findings] == ["told to end, it ended with 3, as after a failure"]
    assert not seen.proved["G2"]


def test_what_it_leaves_behind_is_counted(staging: Staging) -> None:
    seen = stopping.check(staging(system("child", grace_s=1), "R7"), SHORT)
    assert rules(seen) == ["R7-processes-left"]
    assert counts(seen)["processes_left"] == 1
    assert not seen.proved["G3"]


def test_a_shell_before_the_server_leaves_it_behind(staging: Staging) -> None:
    declared = system(grace_s=1)
    start = ("/bin/sh", "-c", f"{' '.join(declared.start)}; true")
    seen = stopping.check(staging(replace(declared, start=start), "R7"), SHORT)
    assert rules(seen) == ["R7-processes-left", "R7-port-open"]
    assert seen.proved == {"G2": True, "G3": False}


@pytest.mark.parametrize(("mode", "lost"), [("good", False), ("lossy", True)])
def test_under_load_what_was_accepted_is_answered(staging: Staging, mode: str, *, lost: bool) -> None:
    seen = stopping.check(staging(system(mode), "R7", "R7/in-flight", "R7/under-load"), SHORT)
    kept = json.loads(staging.kept.files["shutdown.json"])
    assert [(name, each["held"]) for name, each in kept.items()] == [
        ("R7", 8),
        ("R7/under-load", 4),
        ("R7/under-load, told twice", 1),
    ]
    assert [each["lost"] > 0 for each in kept.values()] == [lost, lost, False]
    assert (rules(seen), seen.proved["G1"]) == (["R7-lost-requests"] if lost else [], not lost)
    assert seen.examined == 3


def test_what_cannot_be_held_is_an_error(staging: Staging) -> None:
    with pytest.raises(GateError, match="nothing can be held in flight"):
        stopping.check(staging(system(routes=(SHOW,)), "R7/in-flight"), SHORT)


WORKER = """
import signal, sys
print("at work", flush=True)
signal.sigwait({signal.SIGTERM})
"""


def test_a_worker_has_nothing_in_flight(staging: Staging) -> None:
    start = (sys.executable, "-I", "-S", "-c", "import signal; signal.pthread_sigmask(0, {15})\n" + WORKER)
    declared = System(kind="worker", start=start, ready_log="at work", secrets=(), grace_s=5)
    seen = stopping.check(staging(declared, "R7", "R7/in-flight", "R7/under-load"), SHORT)
    assert (rules(seen), counts(seen)) == ([], {"processes_left": 0})
    assert seen.proved == {"G2": True, "G3": True}


def test_what_a_route_waits_for_holds_it(tmp_path: Path) -> None:
    with stage(
        tmp_path, WAITING, waiting("threads"), parts=("R7/in-flight",), files={"store.py": STORE}
    ) as made:
        seen = stopping.check(made, SHORT)
    # It ends at once, and drops what still waits.
    assert counts(seen) == {"in_flight": 8, "lost_requests": 8, "processes_left": 0}


FLASK = """
from flask import Flask, request
app = Flask(__name__)

@app.get("/health")
def health():
    return "ok"

@app.post("/items")
def create():
    return {"title": request.get_json()["title"]}, 201

if __name__ == "__main__":
    import os
    app.run(port=int(os.environ["PORT"]))
"""
# It lingers on the way down for as long as it may; the default is half a minute.
GUNICORN = (sys.executable, "-m", "gunicorn", "app:app", "--workers", "2", "--graceful-timeout", "5")
ROUTE = replace(CREATE, capture={})


SERVERS: Mapping[str, tuple[tuple[str, ...], int, int, set[str]]] = {
    "development": ((sys.executable, "app.py"), 8, 8, {"header", "log"}),
    "threads": ((*GUNICORN, "--threads", "8"), 8, 0, set()),
    "processes": (GUNICORN, 2, 0, set()),
}
TOLD = some(SERVERS, "development", "processes")


@pytest.mark.parametrize(("start", "held", "lost", "development"), TOLD.values(), ids=TOLD.keys())
def test_servers_differ_on_the_way_down(
    staging: Staging, start: tuple[str, ...], held: int, lost: int, development: set[str]
) -> None:
    declared = replace(system(routes=(ROUTE,), grace_s=30), start=start)
    made = staging(declared, "R5", "R7", "R7/in-flight", files={"app.py": FLASK})
    # Each worker must have taken its request: what only waits in the queue, a worker of one request loses.
    served, seen = server.check(made), stopping.check(made, replace(SHORT, settle=1.0))
    assert (seen.measures["in_flight"], seen.measures["lost_requests"]) == (held, lost)
    assert seen.proved == {"G1": not lost, "G2": True, "G3": True}
    assert {each.anchor.rpartition("\0")[2] for each in served.findings} == development
    assert served.proved == {"V1": not development, "V2": True, "V3": True}
