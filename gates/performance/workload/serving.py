"""A workload of kind http: the declared system is started, and a route asked for each unit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.workload.flights import Steps, pending
from pytest_failhard.gates.performance.workload.units import Tally
from pytest_failhard.gates.performance.workload.workplace import Place
from pytest_failhard.model import GateError, Run
from pytest_failhard.system import load
from pytest_failhard.system.ask import Request
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.launch import Instance, launch
from pytest_failhard.system.load import Protocol
from pytest_failhard.system.load_client import Target
from pytest_failhard.system.prometheus import PrometheusError, samples

SECOND_NS = 1_000_000_000
PACED_SECONDS = 2.0
WITHIN_SECONDS = 10.0
REST_SECONDS = 2.0
"""So long a system may take to count what it has answered already."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came back. `took` and `ended` are in nanoseconds, sorted; `bytes` those of expected answers."""

    wall: int
    took: tuple[int, ...]
    ended: tuple[int, ...]
    tally: Tally
    bytes: int


@contextlib.contextmanager
def served(
    run: Run, system: System | None, workload: Workload, place: Place, seconds: float
) -> Iterator[Instance]:
    """Give the system, ready, while the context is open; raises GateError where it does not become so."""
    if system is None or system.kind != "http":
        raise GateError(
            f"workload {workload.id}: kind http needs a system that serves: declare [tool.failhard.system]"
        )
    instance = launch(
        run,
        system,
        cwd=place.tree,
        environment=place.variables,
        secrets=place.secrets,
        within=seconds,
    )
    try:
        yield instance
    finally:
        instance.process.kill()


def asked(instance: Instance, workload: Workload) -> Answered:
    """Ask the route once a unit, each client as soon as it has its answer."""
    chosen = _route(instance.system, workload)
    protocol = Protocol(concurrency=workload.clients, rounds=1, warm_up=0)
    seen = load.closed(Target.of(instance), [chosen], workload.items, protocol)
    counts = seen.routes[0]
    return Answered(
        wall=round(seen.wall_seconds * SECOND_NS),
        took=tuple(round(each * SECOND_NS) for each in counts.seconds),
        ended=tuple(sorted(round(each * SECOND_NS) for each in counts.ended)),
        tally=Tally(completed=counts.expected, lost=workload.items - counts.expected),
        bytes=counts.body_bytes,
    )


@dataclass(frozen=True, kw_only=True)
class Paced:
    """How many answers were awaited, and whether they became more and more while requests were sent."""

    depth: Steps
    grows: bool


def paced(instance: Instance, workload: Workload, rps: float) -> Paced:
    """Ask the route at a pace, whatever comes back."""
    chosen = _route(instance.system, workload)
    protocol = Protocol(concurrency=workload.clients, rounds=1, warm_up=0)
    seen = load.paced(Target.of(instance), [chosen], rps, PACED_SECONDS, protocol)
    began = round(seen.rounds[0].began * SECOND_NS)
    due = [began + round(slot * SECOND_NS / rps) for slot in range(max(1, int(rps * PACED_SECONDS)))]
    depth = pending(due, [round(each * SECOND_NS) for each in seen.routes[0].ended], began)
    return Paced(depth=depth, grows=depth.grows(workload.in_flight_max or workload.clients, due[-1] - began))


def gauges(instance: Instance, workload: Workload) -> str:
    """Return what is wrong with the system's own gauges once all is answered, empty for nothing."""
    if not workload.metrics:
        return ""
    until = time.monotonic() + REST_SECONDS
    wrong = _disagreement(instance, workload)
    while wrong and time.monotonic() < until:
        instance.process.wait(load.JOIN_SECONDS)
        wrong = _disagreement(instance, workload)
    return wrong


def _disagreement(instance: Instance, workload: Workload) -> str:
    answer = instance.exchange(Request(method="GET", path=workload.metrics), within=WITHIN_SECONDS)
    try:
        found = samples(answer.body.decode("utf-8", "replace"))
    except PrometheusError as error:
        return f"{workload.metrics} cannot be read: {error}"
    if _total(found, "_inflight"):
        return "a gauge *_inflight is not 0 where everything is answered"
    if _total(found, "_submitted_total") != _total(found, "_completed_total"):
        return "the counters *_submitted_total and *_completed_total differ where everything is answered"
    return ""


def _total(found: tuple[tuple[str, Fraction], ...], ending: str) -> Fraction:
    return sum((value for name, value in found if name.endswith(ending)), Fraction(0))


def _route(system: System, workload: Workload) -> Route:
    found = system.route(workload.route)
    if found is None:
        known = ", ".join(route.id for route in system.routes or ()) or "none"
        raise GateError(
            f"workload {workload.id}: route: {workload.route} is no declared route; there are: {known}"
        )
    return found
