"""Runs the parts of the gate in their order and says what was seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import version

from pytest_failhard.gates.performance import benchmarked, beside, duet, states, table, terms, trees, trend
from pytest_failhard.gates.performance.duet import Duet
from pytest_failhard.gates.performance.evidence import Journal
from pytest_failhard.gates.performance.pairs.lockstep import Plan
from pytest_failhard.gates.performance.pairs.series import Conduct
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.states import Meaning, Part, State
from pytest_failhard.gates.performance.trees import proof
from pytest_failhard.gates.performance.work import Seen, Work
from pytest_failhard.model import GateError, Observation, Run, Severity

EVERYTHING = 100
UNCOMPARED = Meaning(
    rule="not-compared",
    severity=Severity.LOW,
    message="nothing was compared: {detail}",
    fix="remove the cause: where the level enforces this, it is an error",
)
SCHEMA = "failhard-performance/1"
MEASURED = "measured"
"""The trait of a run in which something was measured: only there the machine has to be checked."""
Measure = Callable[[Work], None]
BESIDE: Sequence[tuple[Measure, Part, Part]] = (
    (beside.measure_imports, Part.IMPORTS, Part.IMPORTS),
    (beside.measure_workloads, Part.WORKLOADS, Part.COUNTERS),
    (beside.measure_routes, Part.ROUTES, Part.ROUTES_WALL),
    (beside.measure_release, Part.RELEASE, Part.RELEASE),
)
"""What is measured beside the benchmarks, and the two parts of which a policy may enforce either."""


def observe(run: Run, settings: PerformanceSettings) -> Observation:
    """Measure both trees; raises GateError where nothing can be compared or something gave no numbers."""
    try:
        duet.require_platform()
        _require_base(run)
    except GateError as error:
        if Part.BENCHMARKS.value in settings.enforce:
            raise
        return _uncompared(run, str(error))
    built = trees.build(run, settings)
    rule = replace(terms.rule(settings), most=settings.most_pairs)
    journal = Journal()
    work = Work(
        run=run,
        settings=settings,
        trees=built,
        duet=Duet(run=run, trees=built, check=proof.check, plan=Plan.of(settings)),
        conduct=Conduct(rule=rule, journal=journal, remaining=run.remaining),
    )
    try:
        benchmarked.measure(work)
        for measure, *parts in BESIDE:
            _beside(work, measure, parts)
        return _observation(work)
    finally:
        # What was measured is kept however the gate ends.
        journal.keep(run, rule.limit)
        run.keep(trend.NAME, trend.document(work.seen.measured, run.facts), volatile=True)
        run.keep("benchmarks.txt", table.text(work.seen.measured, work.seen.judged), volatile=True)


def _beside(work: Work, measure: Measure, parts: Sequence[Part]) -> None:
    """Measure a part; where the level only wants to be told, it is told why that could not be done."""
    try:
        measure(work)
    except GateError as error:
        if any(work.enforces(part) for part in parts):
            raise
        meaning = replace(UNCOMPARED, message="the {id} were not compared: {detail}")
        work.seen.findings.append(states.finding(parts[0].value, meaning, str(error)))


def _require_base(run: Run) -> None:
    if run.base is None:
        raise GateError(f"no-baseline: {run.base_missing}")


def _uncompared(run: Run, why: str) -> Observation:
    """Say that nothing could be compared, where that blocks nothing."""
    finding = states.finding(UNCOMPARED.rule, UNCOMPARED, why)
    return Observation(tool=_tool(), examined=len(run.source) or 1, findings=(finding,))


def _tool() -> str:
    return f"pytest-failhard {version('pytest-failhard')}"


def _observation(work: Work) -> Observation:
    run, seen, built = work.run, work.seen, work.trees
    judged = sorted(seen.judged, key=lambda each: each.id)
    document = {
        "schema": SCHEMA,
        "base": {"commit": built.commit, "chosen": built.chosen},
        "limit": f"{float(work.conduct.rule.limit):g}",
        "states": {each.id: each.state.value for each in judged},
        "notes": seen.notes,
        "same_environment": built.same_environment,
    }
    run.keep("states.json", (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())
    ratios = dict(_ratios(seen))
    return Observation(
        tool=_tool(),
        examined=len(judged) or len(built.head.packages),
        findings=tuple(sorted(seen.findings)),
        measures={**seen.measures, **dict(_counts(seen)), **ratios},
        traits=frozenset({MEASURED} if seen.timed else ()),
        volatile=frozenset(ratios),
    )


def _counts(seen: Seen) -> Iterator[tuple[str, int | Fraction]]:
    """Return what was compared of what could be; without the share where something is undecided."""
    relevant = [each for each in seen.judged if each.counts]
    project = [each for each in relevant if each.part in states.PROJECT]
    compared = sum(each.state in states.COMPARED for each in project)
    yield "benchmarks", len(seen.demanded)
    yield "compared", compared
    if not any(each.state is State.UNDECIDED for each in relevant):
        could = sum(each.state in states.COMPARABLE for each in project)
        yield "compared_percent", Fraction(EVERYTHING * compared, could) if could else EVERYTHING


def _ratios(seen: Seen) -> Iterator[tuple[str, Fraction]]:
    """Return each ratio, and the worst, where nothing is left open."""
    yield from ((f"ratio {name}", ratio) for name, ratio in seen.ratios.items())
    if not any(each.state is State.UNDECIDED and each.counts for each in seen.judged):
        # What is identical, or the first of its kind, is exactly as fast as itself.
        yield "worst_ratio", max(seen.ratios.values(), default=Fraction(1))
