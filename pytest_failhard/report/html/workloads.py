"""Workloads run by run, and what was under way at each moment: evidence `workloads/<id>.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.html.reading import Figure, Loose, lines, whole

MAX_WORKLOADS = 20
GATE, PREFIX, COUNTERS = "performance", "workloads", "counters.json"
SECOND = 1_000_000_000
MILLISECOND = 1_000_000


class _Steps(Loose):
    max: int
    mean: Figure
    end_ns: int
    steps: tuple[tuple[int, int], ...]


class _Run(Loose):
    workload: str
    unit: str
    in_flight_max: int | None
    pair: int
    side: Literal["base", "head"]
    cpu_ms_per_unit: Figure | None
    units_per_second: Figure | None
    p50_ns: int | None
    p95_ns: int | None
    llm_in_flight: _Steps
    queue_depth: _Steps
    completed: int
    lost: int
    duplicated: int
    counters: Mapping[str, int] = {}


class _Counter(Loose):
    case: str
    counter: str
    value: int
    ceiling: int | None = None
    base: int | None = None


class _Counters(Loose):
    counters: tuple[_Counter, ...]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """A value over time: from each moment on, in seconds, until `end`."""

    name: str
    highest: int
    mean: str
    points: tuple[tuple[float, int], ...]
    end: float


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One run of a workload on one side; figures as text, empty where they could not be had."""

    pair: int
    side: str
    units_per_second: str
    cpu_ms_per_unit: str
    p50_ms: str
    p95_ms: str
    completed: int
    lost: int
    duplicated: int
    steps: tuple[Steps, ...]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A workload: all runs, and one pair of them to draw. `bound` is the declared one, None for none."""

    name: str
    unit: str
    bound: int | None
    runs: tuple[Ran, ...]
    drawn: tuple[Ran, ...]


@dataclass(frozen=True, kw_only=True)
class Counter:
    """A count that is equal on every machine, its ceiling, and what the base has in the same run."""

    case: str
    name: str
    value: int
    ceiling: int | None
    base: int | None

    @property
    def slack(self) -> str:
        """Return how much is left below the ceiling, with a sign where it is exceeded."""
        return "" if self.ceiling is None else str(self.ceiling - self.value)


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """What was declared as work; `total` counts those not shown too."""

    rows: tuple[Workload, ...]
    total: int
    counters: tuple[Counter, ...]


def read(exhibits: Exhibits) -> Workloads | None:
    """Return the workloads, None where there is no such evidence; raises UnreadableError."""
    files = exhibits.beginning(GATE, PREFIX)
    stored = exhibits.of(GATE, COUNTERS)
    if not files and stored is None:
        return None
    found = [runs for _, data in files[:MAX_WORKLOADS] if (runs := lines(_Run, data))]
    counted = [counter for runs in found for counter in _seen(runs)]
    if stored is not None:
        counted = [
            Counter(case=each.case, name=each.counter, value=each.value, ceiling=each.ceiling, base=each.base)
            for each in whole(_Counters, stored).counters
        ]
    return Workloads(rows=tuple(map(_workload, found)), total=len(files), counters=tuple(counted))


def _workload(runs: Sequence[_Run]) -> Workload:
    ran = [_ran(run) for run in sorted(runs, key=lambda run: (run.pair, run.side))]
    both = {run.pair for run in ran if run.side == "base"} & {run.pair for run in ran if run.side == "head"}
    last = max(both or {run.pair for run in ran})
    return Workload(
        name=runs[0].workload,
        unit=runs[0].unit,
        bound=runs[0].in_flight_max,
        runs=tuple(ran),
        drawn=tuple(run for run in ran if run.pair == last),
    )


def _ran(run: _Run) -> Ran:
    return Ran(
        pair=run.pair,
        side=run.side,
        units_per_second=run.units_per_second or "",
        cpu_ms_per_unit=run.cpu_ms_per_unit or "",
        p50_ms=_milliseconds(run.p50_ns),
        p95_ms=_milliseconds(run.p95_ns),
        completed=run.completed,
        lost=run.lost,
        duplicated=run.duplicated,
        steps=(_steps("LLM calls in flight", run.llm_in_flight), _steps("queue depth", run.queue_depth)),
    )


def _steps(name: str, found: _Steps) -> Steps:
    return Steps(
        name=name,
        highest=found.max,
        mean=found.mean,
        points=tuple((moment / SECOND, number) for moment, number in found.steps),
        end=found.end_ns / SECOND,
    )


def _seen(runs: Sequence[_Run]) -> Sequence[Counter]:
    """Return what the runs counted, where no ceilings were kept."""
    first: Mapping[str, _Run] = {run.side: run for run in reversed(runs)}
    base = first["base"].counters if "base" in first else {}
    head = first["head"].counters if "head" in first else {}
    return [
        Counter(case=runs[0].workload, name=name, value=value, ceiling=None, base=base.get(name))
        for name, value in sorted(head.items())
    ]


def _milliseconds(nanoseconds: int | None) -> str:
    return "" if nanoseconds is None else f"{nanoseconds / MILLISECOND:.3f}"
