"""Says what runs of a workload show: findings about head's, and a line of evidence for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.workload.flights import Steps, rank
from pytest_failhard.gates.performance.workload.working import SECOND_NS, Ran
from pytest_failhard.model import Finding, Severity

PROJECT = "pyproject.toml"


def findings(workload: Workload, head: Sequence[Ran], base: Sequence[Ran]) -> Iterator[Finding]:
    """Yield what is wrong with head's runs; none of it names a figure of a clock."""
    wrong = [ran.tally for ran in head if ran.tally.lost or ran.tally.duplicated]
    if wrong:
        named = f" ({', '.join(wrong[0].names)})" if wrong[0].names else ""
        yield _finding(
            workload,
            "lost-units",
            Severity.HIGH,
            f"of {workload.items} items {wrong[0].lost} are lost, {wrong[0].duplicated} done twice{named}",
            "each item must leave one result, or the run must fail",
        )
    bound = workload.in_flight_max
    if bound is not None and any(ran.in_flight.highest > bound for ran in head):
        yield _finding(
            workload,
            "concurrency-bound-exceeded",
            Severity.MEDIUM,
            f"more than the declared {bound} calls were at the model at once",
            "bound the calls that are under way, or declare what is meant in in_flight_max",
        )
    if any(ran.grows for ran in head) and not any(ran.grows for ran in base):
        yield _finding(
            workload,
            "queue-grows",
            Severity.MEDIUM,
            "at half of the base's capacity the queue grows to the end, and the base's does not",
            "find what is slower under load than alone: a lock, a small pool, a connection a call",
        )
    gauges = next((ran.gauges for ran in head if ran.gauges), "")
    if gauges:
        fix = "count up when work begins and down when it ends, also where it fails"
        yield _finding(workload, "gauges-disagree", Severity.MEDIUM, gauges, fix)


def described(workload: Workload, runs: Sequence[Ran]) -> bytes:
    """Return a line a run, in the order of the pairs. Times are in nanoseconds since the work began."""
    ordered = sorted(runs, key=lambda ran: (ran.number, ran.side))
    lines = [json.dumps(_document(workload, ran), sort_keys=True) for ran in ordered]
    return "".join(f"{line}\n" for line in lines).encode()


def _document(workload: Workload, ran: Ran) -> dict[str, object]:
    units = ran.tally.completed
    return {
        "workload": workload.id,
        "unit": workload.unit,
        "items": workload.items,
        "in_flight_max": workload.in_flight_max,
        "pair": ran.number,
        "side": ran.side,
        "startup_ns": ran.startup,
        "wall_ns": ran.wall,
        "cpu_ns": ran.cpu,
        "cpu_ms_per_unit": f"{ran.cpu / units / 1e6:.6f}" if units else None,
        "units_per_second": f"{units * SECOND_NS / ran.wall:.6f}" if ran.wall else None,
        "p50_ns": rank(ran.took, 50),
        "p95_ns": rank(ran.took, 95),
        "llm_in_flight": _steps(ran.in_flight),
        "queue_depth": _steps(ran.depth),
        "completed": units,
        "lost": ran.tally.lost,
        "duplicated": ran.tally.duplicated,
        "sql_statements": ran.statements,
        "counters": dict(sorted(ran.counters.items())),
    }


def _steps(steps: Steps) -> dict[str, object]:
    return {
        "max": steps.highest,
        "mean": f"{steps.average:.6f}",
        "end_ns": steps.end,
        "steps": [list(point) for point in steps.thinned()],
    }


def _finding(workload: Workload, name: str, severity: Severity, message: str, fix: str) -> Finding:
    return Finding(
        rule=name,
        name=name,
        path=PROJECT,
        line=0,
        severity=severity,
        message=f"workload {workload.id}: {message}",
        fix=fix,
        anchor=workload.id,
    )
