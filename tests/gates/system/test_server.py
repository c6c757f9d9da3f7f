"""Tests of R5: development servers, debuggers, one at a time, shared counters, configurations."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.system import holding, server
from pytest_failhard.gates.system.holding import Way
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.gates.system.server import Waits
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.model import GateError, Severity
from pytest_failhard.system.declaration import Route
from pytest_failhard.system.servers import Server
from tests.gates.system.staged import stage
from tests.gates.system.staging import CREATE, SHOW, Staging, system
from tests.gates.system.waiting import STORE, WAITING, waiting

FEW = SystemSettings(race_requests=20)
SHORT = Waits(overlap=0.2, delayed=0.5)


def rules(seen: Seen) -> list[str]:
    return [finding.rule for finding in seen.findings]


def test_a_good_server_has_no_findings(staging: Staging) -> None:
    stage = staging(system(), "R5", options=FEW)
    seen = server.check(stage)
    assert rules(seen) == []
    assert seen.proved == {"V1": True, "V2": True, "V3": True}
    # Both routes and the page that is not there, four bad parameters, three bad bodies.
    assert seen.examined == 10
    assert len(stage.record.answers) == 10
    assert server.check(staging(system(), "R6")).examined == 0


@pytest.mark.parametrize(
    ("mode", "rule", "basis"),
    [
        ("dev", "R5-dev-server", "header"),
        ("speaks", "R5-dev-server", "log"),
        ("runserver", "R5-dev-server", "arguments"),
        ("reloader", "R5-reloader", "reloader"),
    ],
)
def test_a_development_server_is_known_by(staging: Staging, mode: str, rule: str, basis: str) -> None:
    seen = server.check(staging(system(mode), "R5", options=FEW))
    assert [(each.rule, each.anchor) for each in seen.findings] == [(rule, f"{rule}\0{basis}")]
    assert seen.proved == {"V1": False, "V2": True, "V3": True}


def test_a_debugger_is_worse(staging: Staging) -> None:
    seen = server.check(staging(system("debug"), "R5", options=FEW))
    assert [(each.rule, each.severity) for each in seen.findings] == [("R5-debugger", Severity.HIGH)]
    assert seen.proved == {"V1": True, "V2": False, "V3": True}


@pytest.mark.parametrize("routes", [(CREATE, SHOW), ()])
def test_one_request_at_a_time_is_one_too_few(staging: Staging, routes: tuple[Route, ...]) -> None:
    seen = server.check(staging(system("serial", routes=routes), "R5", options=FEW), SHORT)
    assert rules(seen) == ["R5-serial"]
    assert not seen.proved["V3"]


def test_two_of_the_same_number_are_a_race(staging: Staging) -> None:
    # A route that sends the same each time, or that cannot be asked, demands no new number.
    same = replace(CREATE, id="same", body={"title": "t"})
    lost = replace(CREATE, id="lost", path="/items?x=${nothing}")
    seen = server.check(staging(system("twins", routes=(same, lost, CREATE)), "R5", options=FEW))
    assert [each.message for each in seen.findings] == [
        "route create: of many requests at once, two got the same item"
    ]
    assert not seen.proved["V3"]


@pytest.mark.parametrize(("mode", "found"), [("threads", []), ("serial", ["store", "overlap"])])
def test_two_that_wait_for_the_same_thing_wait_side_by_side(
    tmp_path: Path, mode: str, found: list[str]
) -> None:
    with stage(tmp_path, WAITING, waiting(mode), parts=("R5",), files={"store.py": STORE}) as made:
        assert set(holding.delays(made)) == {"store"}
        seen = server.check(made, SHORT)
    bases = [each.anchor.rpartition("\0")[2].rpartition("/")[2] for each in seen.findings]
    assert sorted(bases) == sorted(found)


def test_what_waits_for_nothing_is_not_judged_by_it(staging: Staging) -> None:
    lost = Route(id="lost", path="/${nothing}")
    with staging(system()).instance("test") as instance:
        assert all(server.serves_side_by_side(instance, route, held_back, 1.0) for route in (CREATE, lost))


class TestHolding:
    """How requests are held in flight."""

    def test_the_body_of_who_builds_upon_least_is_held(self) -> None:
        late = Route(id="late", method="PUT", path="/items/${item}", body="x")
        needy = Route(id="needy", method="POST", path="/x", body="x", needs=("llm",))
        wrong = Route(id="wrong", method="POST", path="/x", body="x", negative=True)
        empty = Route(id="empty", method="POST", path="/x", body="")
        assert holding.way((wrong, empty, late, needy, CREATE), {}) == Way(route=CREATE, part="half")
        assert holding.way((wrong, late, needy), {}).route == needy

    def test_else_a_slow_route_or_what_it_waits_for(self) -> None:
        slow = Route(id="slow", path="/slow", slow_s=2)
        quick = Route(id="quick", path="/quick", slow_s=0.5)
        needy = Route(id="needy", path="/stock", needs=("path", "store"))
        assert holding.way((SHOW, needy, quick, slow), {}) == Way(route=slow, part="whole")
        delays = {"store": held_back}
        assert holding.way((needy, quick), delays) == Way(route=needy, part="whole", delay=held_back)
        with pytest.raises(GateError, match="nothing can be held in flight"):
            holding.way((needy, quick), {})

    def test_what_no_answer_held_is_not_asked(self, staging: Staging) -> None:
        lost = replace(CREATE, id="lost", path="/items?x=${nothing}", capture={"item": "id"})
        with staging(system(routes=(lost, SHOW))).instance("test") as instance:
            holding.prepare(instance, SHOW)
            assert not holding.can_ask(instance, SHOW)


def held_back(seconds: float) -> None:
    """Hold nothing back."""
    assert seconds >= 0


SERVER = Server(
    kind="gunicorn",
    workers=2,
    threads=4,
    worker_class="gthread",
    timeout=30,
    graceful_timeout=4,
    max_requests=0,
    max_requests_jitter=0,
    reload=False,
    bind=(),
    access_log=True,
    control_socket=False,
)


class TestConfiguration:
    """What the server says of itself."""

    @pytest.mark.parametrize(
        ("configured", "bases"),
        [
            (SERVER, []),
            (replace(SERVER, timeout=0), ["timeout"]),
            (replace(SERVER, graceful_timeout=1), ["graceful_timeout of the slowest"]),
            (replace(SERVER, graceful_timeout=6), ["graceful_timeout within grace_s"]),
            (replace(SERVER, graceful_timeout=None), []),
            (replace(SERVER, max_requests=100), ["jitter"]),
            (replace(SERVER, max_requests=100, max_requests_jitter=10), []),
            (replace(SERVER, reload=True), ["reload"]),
        ],
    )
    def test_each_mistake_is_named(self, staging: Staging, configured: Server, bases: list[str]) -> None:
        declared = staging(system(routes=(Route(id="slow", path="/slow", slow_s=2),)), "R5/configuration")
        found = list(server.configuration(declared, configured))
        assert [each.anchor for each in found] == [f"R5-configuration\0{basis}" for basis in bases]

    def test_a_server_that_says_nothing_is_told(self, staging: Staging) -> None:
        seen = server.check(staging(system(), "R5/configuration"))
        assert (rules(seen), dict(seen.proved), seen.examined) == (["R5-configuration-unread"], {}, 1)

    def test_gunicorn_with_one_worker_takes_one_at_a_time(self, staging: Staging) -> None:
        start = (sys.executable, "-m", "gunicorn", "--workers", "1", "--timeout", "0", "app:application")
        declared = replace(system(routes=(CREATE,), grace_s=30), start=start)
        made = staging(declared, "R5", "R5/configuration", files={"app.py": APPLICATION})
        seen = server.check(made, SHORT)
        assert {each.anchor.rpartition("\0")[2] for each in seen.findings} == {"slots", "overlap", "timeout"}
        assert seen.proved == {"V1": True, "V2": True, "V3": False, "V4": False}
        assert holding.in_flight(holding.configured(made)) == 1
        assert holding.in_flight(None) == 8


APPLICATION = """
import itertools
NUMBERS = itertools.count()
def application(environ, start_response):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("201 CREATED" if environ["REQUEST_METHOD"] == "POST" else "200 OK", [])
    return [b'{"id": %d}' % next(NUMBERS)]
"""
