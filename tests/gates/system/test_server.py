"""Tests of R5: development servers, debuggers, one at a time, shared counters, configurations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failhard.gates.system import server
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.model import Severity
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import Route
from tests.gates.system.staging import CREATE, SHOW, Staging, system

FEW = SystemSettings(race_requests=20)


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
    seen = server.check(staging(system("serial", routes=routes), "R5", options=FEW))
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


class Timed:
    """Answers like a system that waits for something: alone so long, two together so long."""

    def __init__(self, alone: float, together: float) -> None:
        self.system = system(routes=(SHOW,))
        self.seconds = [alone, together, together]

    def send(self, _route: Route, *, within: float) -> Answer:
        return Answer(ended=True, status=200, headers=(), body=b"", seconds=min(within, self.seconds.pop(0)))
