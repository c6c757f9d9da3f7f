"""The circuit series: a provider that stays down, a cool-down, and calls that come back together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_failhard.llm.schedule import Kind, Rule
from pytest_failhard.llm.verdicts.circuit import (
    COOLDOWN_FACTOR,
    PARALLEL_CALLS,
    CircuitTrial,
    circuit_opens,
    missing,
)
from pytest_failhard.model import GateError

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.declaration import Circuit
    from pytest_failhard.gates.llm.lanes import Lane, Met
    from pytest_failhard.gates.llm.series_bench import Bench
    from pytest_failhard.llm.ledger import Attempt

FAULT = "unavailable"
SHORT_COOLDOWN = 2
"""Seconds, for the variable that a project names: long enough for the calls on the open circuit."""
LOOKS = 3
"""Calls on the open circuit, of which the fastest counts: the machine is busy, the circuit is not."""
PROBE_SECONDS = 0.3
"""How long the provider thinks about a probe, so that calls that come together do meet it together."""
PARTS_OF_TIMEOUT = 3


def open_circuit(bench: Bench) -> None:
    """Judge the circuit breaker of a call; raises VerdictError, GateError.

    A command is left out: each call is a process of its own, which knows of no other's failures.
    """
    name = f"circuit@{bench.call.id}"
    declared = bench.settings.circuit
    if bench.call.form == "command" or declared is None:
        bench.facts[name] = "each call is a process of its own, which has no circuit to open"
        return
    lane = bench.lanes[0]
    try:
        trial, closed = _tried(bench, lane, declared)
    finally:
        lane.router.delay = 0.0
        lane.renew()
    bench.facts[name] = {"after": declared.after, "cooldown": _cooldown(declared)}
    bench.sheet.find(circuit_opens(trial, bench.seen.expectation(closed, name)))


def _tried(bench: Bench, lane: Lane, declared: Circuit) -> tuple[CircuitTrial, Met]:
    shorter = {declared.cooldown_env: str(SHORT_COOLDOWN)} if declared.cooldown_env else {}
    lane.renew(shorter)
    baseline = lane.idle_seconds()
    down = (Rule(id="r1", kinds=(Kind(fault=FAULT),)),)
    for number in range(1, declared.after + 1):
        _met(bench, lane, f"circuit-down-{number}", down)
    looks = [_met(bench, lane, f"circuit-open-{number}", down) for number in range(1, LOOKS + 1)]
    opened = min((met.outcome for met in looks), key=lambda outcome: outcome.seconds)
    attempts = tuple(attempt for met in looks for attempt in met.ledger.attempts)
    probes: tuple[Attempt, ...] = ()
    # A circuit that has not opened needs no time to close.
    if not any(missing(opened, attempts, baseline)):
        _wait(bench, _cooldown(declared) * COOLDOWN_FACTOR)
        probes = _probes(bench, lane)
    closed = _met(bench, lane, "circuit-closed", ())
    trial = CircuitTrial(
        opened=opened,
        opened_attempts=attempts,
        probes=probes,
        closed=closed.outcome,
        baseline=baseline,
    )
    return trial, closed


def _met(bench: Bench, lane: Lane, name: str, rules: tuple[Rule, ...]) -> Met:
    met = lane.meet(f"{name}@{bench.call.id}", rules, bench.seen.within)
    bench.sheet.record(met.ledger)
    return met


def _probes(bench: Bench, lane: Lane) -> tuple[Attempt, ...]:
    """Return the requests that came before the first one had its answer: later ones may trust it."""
    lane.router.delay = min(PROBE_SECONDS, _timeout(bench) / PARTS_OF_TIMEOUT)
    crowd = lane.crowd(f"circuit-probe@{bench.call.id}", PARALLEL_CALLS, bench.seen.within)
    lane.router.delay = 0.0
    bench.sheet.record(crowd.ledger)
    asked = [attempt for attempt in crowd.ledger.attempts if attempt.kind == "call"]
    first = min((attempt.times.ended for attempt in asked), default=0.0)
    return tuple(attempt for attempt in asked if attempt.times.headers < first)


def _timeout(bench: Bench) -> float:
    """Return the shortest read time-out that the client states, in seconds."""
    stated = (attempt.read_timeout or "" for attempt in bench.seen.second.ledger.attempts)
    numbers = [float(each) for each in stated if each.replace(".", "", 1).isdecimal()]
    return min(numbers, default=PROBE_SECONDS * PARTS_OF_TIMEOUT)


def _cooldown(declared: Circuit) -> int:
    return min(SHORT_COOLDOWN, declared.cooldown) if declared.cooldown_env else declared.cooldown


def _wait(bench: Bench, seconds: float) -> None:
    left = bench.run.remaining()
    if seconds >= left:
        raise GateError(
            f"circuit@{bench.call.id}: the cool-down takes longer than the time that the gate has left; "
            "shorten it in the test by a variable, and name that in llm.circuit.cooldown_env"
        )
    time.sleep(seconds)
