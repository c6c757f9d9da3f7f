"""Measures the declared workloads on both sides, in pairs, until each of them is decided."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_failhard.gates.performance.counters import Count
from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.samples import Benchmark
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Trees
from pytest_failhard.gates.performance.statistics import Decision, State, decide
from pytest_failhard.gates.performance.terms import rule
from pytest_failhard.gates.performance.workload import ceilings, pairing, workplace
from pytest_failhard.gates.performance.workload.answering import Model, model
from pytest_failhard.gates.performance.workload.running import described, findings
from pytest_failhard.gates.performance.workload.working import Bench, Ran, WorkError, once
from pytest_failhard.gates.performance.workload.workplace import Ground, Grounds, grounds
from pytest_failhard.model import Evidence, Finding, GateError, Run, Severity

WORKLOADS, P50 = "workloads", "workloads/p50"
"""Parts of the gate, as `enforce` and `report` name them."""
CPU_PER_UNIT, SECONDS_PER_UNIT, MIDDLE = "cpu_per_unit", "seconds_per_unit", "p50"
IDENTICAL, NEW, INCOMPARABLE = "identical", "new", "incomparable"
COUNTING_RUNS = 2
LEAST_SECONDS = 10.0
"""So long a single run may take, however little time there is for the decision."""
PACED_PAIR = 2
"""The pair in which a route is asked at a pace too: the base's capacity is known by then."""
PACE = 0.5


@dataclass(frozen=True, kw_only=True)
class Worked:
    """A workload. `state` is that of a decision, or `identical`, `new`, `incomparable`.

    `why` says what kept the base from the work. `logs` are the logarithms of head / base of each pair.
    """

    id: str
    unit: str
    state: str
    decision: Decision | None = None
    logs: tuple[Mapping[str, float], ...] = ()
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All workloads, what was found, and what was counted; `measures` are none where nothing is declared."""

    outcomes: tuple[Worked, ...] = ()
    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, int] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    counts: tuple[Count, ...] = ()


@dataclass
class _Series:
    """The runs of a workload so far."""

    base: list[Ran] = field(default_factory=list)
    head: list[Ran] = field(default_factory=list)
    logs: list[Mapping[str, float]] = field(default_factory=list)


def observe_workloads(
    run: Run,
    settings: PerformanceSettings,
    trees: Trees,
    *,
    benchmarks: int = 0,
    further: Sequence[Count] = (),
) -> Seen:
    """Measure each workload; raises GateError for one that cannot be measured, and for missing ceilings.

    `benchmarks` are decided beside them and share the risk. `further` are counts that somebody else took.
    """
    seen: list[Seen] = []
    shared = benchmarks + len(settings.workloads)
    if settings.workloads:
        base = None if trees.first or trees.identical else Ground.of(trees.base)
        known = _declared_at_base(run)
        with grounds(run, Ground.of(trees.head), base) as where, model(run.scratch) as asked:
            for workload in settings.workloads:
                measure = _Measure(run, settings, where, asked, shared)
                alone = IDENTICAL if trees.identical else NEW
                seen.append(measure.of(workload, alone=alone, is_new=workload.id not in known))
            seen.append(Seen(findings=_shared(where)))
    return _joined(run, settings, seen, further)


def count(run: Run, settings: PerformanceSettings, head: Ground) -> tuple[Count, ...]:
    """Return what the workloads count on one tree; raises GateError as `observe_workloads` does."""
    with grounds(run, head, None) as where, model(run.scratch) as asked:
        measure = _Measure(run, settings, where, asked, 1)
        return tuple(
            each
            for workload in settings.workloads
            for each in measure.of(workload, alone=IDENTICAL, is_new=False).counts
        )


class _Measure:
    """Measures one workload after the other."""

    def __init__(
        self, run: Run, settings: PerformanceSettings, where: Grounds, asked: Model, shared: int
    ) -> None:
        self._run = run
        self._settings = settings
        self._where = where
        self._model = asked
        self._shared = shared
        parts = {*settings.enforce, *settings.report}
        self._clocks = (CPU_PER_UNIT, SECONDS_PER_UNIT, *((MIDDLE,) if P50 in parts else ()))

    def of(self, workload: Workload, *, alone: str, is_new: bool) -> Seen:
        """Measure a workload: without a base on head alone, which then has the state `alone`."""
        within = max(LEAST_SECONDS, float(self._settings.max_seconds))
        bench = Bench.of(self._run, self._where, workload, self._model, within)
        began, series = time.monotonic(), _Series()
        outcome = Worked(id=workload.id, unit=workload.unit, state=alone)
        if self._where.base is not None:
            outcome = self._against(bench, self._where.base, series, is_new=is_new)
        self._count(bench, series)
        outcome = replace(outcome, seconds=time.monotonic() - began)
        runs = [*series.base, *series.head]
        record = described(workload, [ran for ran in runs if ran.statements is None] or runs)
        return Seen(
            outcomes=(outcome,),
            findings=tuple(self._weighed(findings(workload, series.head, series.base))),
            evidence=(self._run.keep(f"workloads/{workload.id}.jsonl", record, volatile=True),),
            counts=ceilings.counts(bench, series.head, series.base),
        )

    def _count(self, bench: Bench, series: _Series) -> None:
        """Run what is needed to know the counts: head twice at least, and apart where statements count."""
        counting = workplace.uses_sql(self._where.head.tree)
        needed = COUNTING_RUNS if counting else COUNTING_RUNS - len(series.head)
        for _ in range(needed):
            series.head.append(once(bench, self._where.head, len(series.head) + 1, counting=counting))
        if counting and self._where.base is not None and series.base:
            series.base.append(once(bench, self._where.base, len(series.base) + 1, counting=True))

    def _against(self, bench: Bench, base: Ground, series: _Series, *, is_new: bool) -> Worked:
        workload = bench.workload
        until = time.monotonic() + self._settings.max_seconds
        terms = rule(self._settings).terms(Benchmark(id=workload.id), max(self._shared, 1))
        decision, why = None, ""
        while decision is None and time.monotonic() < until:
            try:
                self._pair(bench, base, series)
            except _BaseError as error:
                # Later it is the machine's doing, or chance's, and none of the change's.
                if series.logs:
                    raise GateError(str(error)) from None
                why = error.what
                break
            decision = decide(series.logs, self._clocks, terms)
        state = State.UNDECIDED.value if decision is None else decision.state.value
        if why:
            state = NEW if is_new else INCOMPARABLE
        elif decision is None:
            decision = pairing.cut_short(series.logs, self._clocks, terms)
        return Worked(
            id=workload.id,
            unit=workload.unit,
            state=state,
            decision=decision,
            logs=tuple(series.logs),
            why=why,
        )

    def _pair(self, bench: Bench, base: Ground, series: _Series) -> None:
        number = len(series.logs) + 1
        rps = PACE * pairing.rate(series.base[-1]) if number == PACED_PAIR else None
        pair: dict[str, Ran] = {}
        # Head's first of all: what fails there is head's fault, whatever the base does.
        order = (self._where.head, base) if number % 2 else (base, self._where.head)
        for ground in order:
            pair[ground.name] = _side(bench, ground, number, rps)
            (series.head if ground.name == "head" else series.base).append(pair[ground.name])
        series.logs.append(pairing.logs(bench.workload, pair["base"], pair["head"], self._clocks))

    def _weighed(self, found: Iterable[Finding]) -> Iterable[Finding]:
        for each in found:
            yield each if WORKLOADS in self._settings.enforce else replace(each, severity=Severity.LOW)


class _BaseError(WorkError):
    """The base could not do the work."""


def _side(bench: Bench, ground: Ground, number: int, rps: float | None) -> Ran:
    try:
        return once(bench, ground, number, rps)
    except WorkError as error:
        if ground.name == "head":
            raise
        raise _BaseError(error.what) from error


def _declared_at_base(run: Run) -> frozenset[str]:
    """Return the ids that the base declares: its own file says so, whatever head makes of it."""
    text = run.base.read("pyproject.toml") if run.base is not None else None
    try:
        table: object = tomllib.loads((text or b"").decode())
    except (ValueError, RecursionError):
        return frozenset()
    for name in ("tool", "failhard", "performance", "workloads"):
        table = table.get(name) if isinstance(table, dict) else None
    listed = table if isinstance(table, list) else []
    return frozenset(str(each.get("id")) for each in listed if isinstance(each, dict))


def _shared(where: Grounds) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            rule="shared-dependency",
            name="shared-dependency",
            path="pyproject.toml",
            line=0,
            severity=Severity.LOW,
            message=f"{name} is the same one for both sides: what one leaves there, the other one finds",
            fix="declare how it is started, or have each run begin with its own data",
            anchor=name,
        )
        for name in where.shared
    )


def _joined(run: Run, settings: PerformanceSettings, seen: Sequence[Seen], further: Sequence[Count]) -> Seen:
    counts = tuple(sorted((*(each for one in seen for each in one.counts), *further)))
    judged = ceilings.judge(run, settings, counts)
    kept = [run.keep("counters.json", ceilings.described(counts, judged))] if counts else []
    found = {*(each for one in seen for each in one.findings), *judged.findings}
    measures = {"counters": judged.compared, "golden_exceeded": judged.exceeded}
    return Seen(
        outcomes=tuple(each for one in seen for each in one.outcomes),
        findings=tuple(sorted(found)),
        measures=measures if settings.workloads or judged.compared else {},
        evidence=tuple(sorted((*(each for one in seen for each in one.evidence), *kept))),
        counts=counts,
    )
