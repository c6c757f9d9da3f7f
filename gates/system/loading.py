"""R6: puts the declared routes under load, and counts what is answered as declared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding, GateError
from pytest_failhard.source import pyproject
from pytest_failhard.system import asking, load
from pytest_failhard.system.declaration import Route
from pytest_failhard.system.launch import Instance
from pytest_failhard.system.load import Protocol
from pytest_failhard.system.load_client import Target
from pytest_failhard.system.load_counts import Load, RouteCounts, document, succeeding, success_rate, summed
from pytest_failhard.system.load_watch import Watched, watching

SMOKE, LOAD, PACED = "R6/smoke", "R6/load", "R6/paced"
PARTS = (SMOKE, LOAD, PACED)
AT_RATE = f"{PACED} at the expected rate"
# What the readiness score counts as proved. It is the same at every level: a lower one does not raise it.
SCORE_SUCCESS, SCORE_ROUTE, SCORE_HEALTH = Fraction(99, 100), Fraction(9, 10), Fraction(95, 100)
SCORE_P95_MS = 1000


def check(stage: Stage) -> Seen:
    """Load a system of its own; raises GateError where there is no route, or no expected rate."""
    wanted = [part for part in PARTS if stage.runs(part)]
    routes = stage.system.routes or ()
    if not wanted:
        return Seen()
    if not routes:
        raise GateError("R6: no route is declared: add [[tool.failhard.system.routes]], one a request")
    rate = expected_rate(stage) if PACED in wanted else 0
    with stage.instance("load") as instance:
        loads, watched = _loaded(stage, instance, routes, wanted, rate)
    _keep(stage, loads, watched)
    return seen(stage, loads, watched)


def expected_rate(stage: Stage) -> int:
    """Return the declared requests a second; raises GateError where none are declared."""
    table: object = pyproject(stage.run.root)
    for name in ("tool", "failhard", "expected_load", "rps"):
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, int):
        raise GateError(
            "R6: the expected load is not declared: set `expected_load = { rps = ... }` in [tool.failhard]"
        )
    return table


def _loaded(
    stage: Stage, instance: Instance, routes: Sequence[Route], wanted: Sequence[str], rate: int
) -> tuple[Mapping[str, Load], Watched | None]:
    settings, target = stage.settings, Target.of(instance)
    found: dict[str, Load] = {}
    if SMOKE in wanted:
        smoke = _protocol(stage, settings.smoke_concurrency, warm_up=0, rounds=1)
        # Its first requests may be those for which the system first loads what it needs.
        smoke = replace(smoke, within=asking.ASKING_SECONDS)
        found[SMOKE] = load.closed(target, routes, settings.smoke_requests * len(routes), smoke)
    if wanted == [SMOKE]:
        return found, None
    ready = stage.system.ready or "/"
    with watching(target, instance.process.family, ready) as watched:
        if LOAD in wanted:
            protocol = _protocol(stage, settings.load_concurrency, warm_up=settings.load_warm_up)
            found[LOAD] = load.closed(target, routes, settings.load_requests, protocol)
        if PACED in wanted:
            found |= _paced(stage, target, routes, rate)
    return found, watched


def _paced(stage: Stage, target: Target, routes: Sequence[Route], rate: int) -> dict[str, Load]:
    settings = stage.settings
    found = {
        f"{PACED} at {concurrency} at once": load.timed(
            target,
            routes,
            settings.paced_seconds,
            _protocol(stage, concurrency, warm_up=settings.load_warm_up),
        )
        for concurrency in settings.paced_concurrency
    }
    protocol = _protocol(stage, max(settings.paced_concurrency, default=1), warm_up=0)
    at_rate = load.paced(target, routes, rate, settings.paced_seconds, protocol)
    if at_rate.measures_itself:
        raise GateError(
            f"R6: our own load generator is too slow for {rate} requests a second on this machine: what it "
            "measures is itself; run the gate on a machine with more to spare"
        )
    return {**found, AT_RATE: at_rate}


def _protocol(stage: Stage, concurrency: int, *, warm_up: int, rounds: int = load.ROUNDS) -> Protocol:
    return Protocol(concurrency=concurrency, warm_up=warm_up, rounds=rounds, heard=stage.record.answer)


def _keep(stage: Stage, loads: Mapping[str, Load], watched: Watched | None) -> None:
    described: dict[str, object] = {name: document(each) for name, each in loads.items()}
    if watched is not None:
        described["beside"] = {
            "health_polls": watched.polls,
            "healthy": watched.healthy,
            "resident_bytes": watched.memory,
            "processes_gone": watched.restarts,
        }
    stage.run.keep("load.json", json.dumps(described, indent=1).encode() + b"\n", volatile=True)


def seen(stage: Stage, loads: Mapping[str, Load], watched: Watched | None) -> Seen:
    """Return what the counts of all parts together say."""
    routes = summed(each.routes for each in loads.values())
    measures: dict[str, int | Fraction] = {
        "requests": sum(route.requests for route in routes),
        "requests_per_route": min(route.requests for route in routes),
        "success_rate": success_rate(routes),
        "worst_route_success": min((each.success_rate for each in succeeding(routes)), default=Fraction(0)),
        "server_errors": sum(route.unexpected_5xx for route in routes),
        "resets": sum(route.resets for route in routes),
    }
    volatile = {"requests", "requests_per_route"} if AT_RATE in loads else set()
    if SMOKE in loads:
        measures["smoke_success_rate"] = success_rate(loads[SMOKE].routes)
    measured = loads.get(AT_RATE) or loads.get(LOAD)
    if measured is not None:
        measures["p95_ms"] = p95_ms(measured)
    if watched is not None:
        measures |= _beside(watched)
    return Seen(
        findings=(*_failing(stage, routes), *_objectives(stage, measures)),
        measures=measures,
        volatile=frozenset(volatile | ({"p95_ms", "rss_growth_percent", "health_under_load"} & {*measures})),
        # Of what is timed, the number of requests is another one in each run.
        examined=len(routes) * len(loads),
        proved=proved(measures),
    )


def p95_ms(measured: Load) -> Fraction:
    """Return the milliseconds of the 95th percentile; where a round has no right answer, the time-out."""
    seconds = measured.percentile(95)
    return Fraction(round((load.WITHIN_SECONDS if seconds is None else seconds) * 1_000_000), 1000)


def _beside(watched: Watched) -> dict[str, int | Fraction]:
    found: dict[str, int | Fraction] = {"worker_restarts": watched.restarts}
    if watched.health is not None:
        found["health_under_load"] = watched.health
    if watched.growth_percent is not None:
        found["rss_growth_percent"] = watched.growth_percent
    return found


def proved(measures: Mapping[str, int | Fraction]) -> dict[str, bool]:
    """Return the statements of the readiness score that were examined."""
    right = measures["success_rate"] >= SCORE_SUCCESS and measures["worst_route_success"] >= SCORE_ROUTE
    found = {"L1": right}
    if "p95_ms" in measures:
        found["L2"] = right and measures["p95_ms"] <= SCORE_P95_MS
    if "health_under_load" in measures:
        found["L3"] = measures["health_under_load"] >= SCORE_HEALTH
    if "worker_restarts" in measures:
        found["L4"] = measures["worker_restarts"] == 0
    return found


def _failing(stage: Stage, routes: Sequence[RouteCounts]) -> Iterator[Finding]:
    """Name the routes that never work: of one that works at times, the measure and the evidence say more."""
    for counts in routes:
        route = stage.system.route(counts.route)
        if counts.expected == 0 and route is not None:
            said = ", ".join([*map(str, sorted(counts.statuses)), *sorted(counts.errors)]) or "nothing"
            yield finding(
                "R6-route-fails",
                f"route {route.id} ({route.method} {route.path}): not one request was answered with "
                f"{' or '.join(map(str, route.expect))}; it gave {said}",
                "make it answer what is declared, or correct the declaration; load.json counts all",
                basis=route.id,
            )


def _objectives(stage: Stage, measures: Mapping[str, int | Fraction]) -> Iterator[Finding]:
    slo = stage.system.slo
    if slo is None or "p95_ms" not in measures:
        return
    if slo.p95_ms is not None and measures["p95_ms"] > slo.p95_ms:
        yield finding(
            "R6-p95-over-slo",
            f"the 95th percentile of the answers under load is above the declared {slo.p95_ms} ms",
            "make the routes faster, or promise less; load.json has the times by route",
            basis="p95_ms",
        )
    rate = None if slo.success_rate is None else Fraction(str(slo.success_rate))
    if rate is not None and measures["success_rate"] < rate:
        yield finding(
            "R6-success-under-slo",
            f"fewer requests under load are answered as declared than the promised share, {slo.success_rate}",
            "make the routes answer, or promise less; load.json has the counts by route",
            basis="success_rate",
        )
