"""R7: told to end, the system answers what it has accepted, ends in time, and leaves nothing behind."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from fractions import Fraction

from pytest_failhard.gates.system import holding
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding
from pytest_failhard.system import load
from pytest_failhard.system.environment import HOST
from pytest_failhard.system.held import Held
from pytest_failhard.system.launch import Instance
from pytest_failhard.system.load import Protocol
from pytest_failhard.system.load_client import Target

PART, IN_FLIGHT, UNDER_LOAD = "R7", "R7/in-flight", "R7/under-load"
SETTLE_SECONDS = 0.5
"""So long before the signal a request is there: the server has accepted it, and waits for its rest."""
REST_SECONDS = 1.0
"""So long after the signal the rest is sent: a server that does not wait has ended by then."""
AGAIN_SECONDS = 0.2
LOOK_SECONDS = 0.02
CLIENTS = 8
STATUSES = frozenset({0, -15, 143})
"""0, ended by the signal, and how a shell says the same: none alone tells whether a request was lost."""


@dataclass(frozen=True, kw_only=True)
class Pauses:
    """How long is waited before and after the signal, in seconds."""

    settle: float = SETTLE_SECONDS
    rest: float = REST_SECONDS
    again: float = AGAIN_SECONDS


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a system ended. `code` is None where it did not; `left` counts its processes that live on.

    Of the requests begun shortly before the signal nobody can tell whether the system had accepted them:
    those without an answer are `backlog`, not `lost`. `told` is the clock at the signal.
    """

    code: int | None
    seconds: float
    left: int
    port_open: bool
    told: float
    held: int = 0
    lost: int = 0
    backlog: int = 0


PAUSES = Pauses()


def check(stage: Stage, pauses: Pauses = PAUSES) -> Seen:
    """Tell systems of their own to end: at rest or with requests in flight, and under load."""
    if not any(map(stage.runs, (PART, IN_FLIGHT, UNDER_LOAD))):
        return Seen()
    # Who serves nobody has nothing in flight that could be held from outside.
    serves = stage.system.kind == "http"
    endings = {PART: _ended(stage, pauses, in_flight=serves and stage.runs(IN_FLIGHT))}
    if serves and stage.runs(UNDER_LOAD):
        endings[UNDER_LOAD] = _ended_under_load(stage, pauses)
        endings[f"{UNDER_LOAD}, told twice"] = _ended_told_twice(stage, pauses)
    described = {name: _described(ending) for name, ending in endings.items()}
    stage.run.keep("shutdown.json", json.dumps(described, indent=1).encode() + b"\n", volatile=True)
    return _seen(stage, endings.values())


def _seen(stage: Stage, endings: Iterable[Ending]) -> Seen:
    listed = tuple(endings)
    lost = sum(each.lost for each in listed)
    left = sum(each.left for each in listed)
    held = listed[0].held
    served = stage.system.kind == "http"
    findings = {each.fingerprint: each for ending in listed for each in _findings(stage, ending)}
    proved = {
        "G2": all(each.code in STATUSES for each in listed),
        "G3": not left and not any(each.port_open for each in listed),
    }
    if served and stage.runs(IN_FLIGHT):
        proved["G1"] = held > 0 and not lost
    return Seen(
        findings=tuple(findings.values()),
        measures={
            **({"in_flight": held, "lost_requests": lost} if served else {}),
            "processes_left": left,
            "shutdown_seconds": max(Fraction(round(each.seconds * 1000), 1000) for each in listed),
        },
        volatile=frozenset({"shutdown_seconds"}),
        examined=len(listed),
        proved=proved,
    )


def _described(ending: Ending) -> dict[str, object]:
    return {name: value for name, value in asdict(ending).items() if name != "told"}


def _findings(stage: Stage, ending: Ending) -> Iterator[Finding]:
    grace = stage.system.grace_s
    if ending.code is None:
        yield finding(
            "R7-over-grace",
            f"told to end (SIGTERM), it still runs after {grace} seconds (grace_s): it would be killed",
            "end on SIGTERM: start the server itself (exec form), and let no handler swallow the signal",
            basis="grace",
        )
    elif ending.code not in STATUSES:
        yield finding(
            "R7-exit-status",
            f"told to end, it ended with {ending.code}, as after a failure",
            "end with 0, or by the signal",
            basis="status",
        )
    if ending.lost:
        yield finding(
            "R7-lost-requests",
            "told to end, it dropped requests that it had accepted",
            "stop accepting, answer what is there, then end: servers for production do so",
            basis="lost",
        )
    if ending.left:
        yield finding(
            "R7-processes-left",
            "its main process has ended, and processes that it started live on",
            "start the server without a shell before it (exec form), and end what it starts",
            basis="left",
        )
    if ending.port_open:
        yield finding(
            "R7-port-open",
            "after its end its port still takes connections",
            "end every process that listens",
            basis="port",
        )


def _ended(stage: Stage, pauses: Pauses, *, in_flight: bool) -> Ending:
    how = holding.way(stage.system.routes or (), holding.delays(stage)) if in_flight else None
    number = holding.in_flight(holding.configured(stage)) if in_flight else 0
    with stage.instance("ending") as instance, ExitStack() as opened:
        held = opened.enter_context(holding.held(instance, how, number)) if how is not None else []
        return _told(instance, held, pauses)


def _ended_under_load(stage: Stage, pauses: Pauses) -> Ending:
    """End it while others ask, too: half of the places are held, so that the rest is served meanwhile."""
    how = holding.way(stage.system.routes or (), holding.delays(stage))
    number = max(1, holding.in_flight(holding.configured(stage)) // 2)
    routes = stage.system.routes or ()
    with stage.instance("ending under load") as instance:
        beside = load.under(
            Target.of(instance), routes, Protocol(concurrency=CLIENTS), seconds=stage.system.grace_s
        )
        with holding.held(instance, how, number) as held, beside as others:
            ending = _told(instance, held, pauses)
    broken = [moment for route in others.load.routes for moment in route.broken]
    certain = sum(moment < ending.told - pauses.settle for moment in broken)
    unsure = sum(moment < ending.told for moment in broken) - certain
    return replace(ending, lost=ending.lost + certain, backlog=unsure)


def _ended_told_twice(stage: Stage, pauses: Pauses) -> Ending:
    """Tell it again while it still waits for a request: whether that is lost then is the server's choice."""
    how = holding.way(stage.system.routes or (), holding.delays(stage))
    with stage.instance("ending, told twice") as instance, holding.held(instance, how, 1) as held:
        return replace(_told(instance, held, pauses, again=True), lost=0)


def _told(instance: Instance, held: list[Held], pauses: Pauses, *, again: bool = False) -> Ending:
    """Send the signal, then the rest of what is in flight, and watch the end for the declared time."""
    process = instance.process
    if held:
        process.wait(pauses.settle)
    process.stop()
    began = time.monotonic()
    if again:
        process.wait(pauses.again)
        process.stop()
    if held:
        _until(began + pauses.rest)
    for each in held:
        each.finish()
    grace = float(instance.system.grace_s)
    statuses = [each.status(max(0.0, began + grace - time.monotonic())) for each in held]
    code = process.wait(max(0.0, began + grace - time.monotonic()))
    while process.family() and time.monotonic() - began < grace:
        _until(time.monotonic() + LOOK_SECONDS)
    expected = {status for route in instance.system.routes or () for status in route.expect}
    listens = instance.port > 0 and code is not None and takes_connections(instance.port)
    return Ending(
        code=code,
        seconds=time.monotonic() - began,
        left=len(process.family()) if code is not None else 0,
        port_open=listens,
        told=began,
        held=len(held),
        lost=sum(status not in expected for status in statuses),
    )


def _until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def takes_connections(port: int) -> bool:
    """Tell whether anybody listens on a port."""
    try:
        socket.create_connection((HOST, port), LOOK_SECONDS).close()
    except OSError:
        return False
    return True
