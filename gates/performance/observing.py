"""Measures all that can be slower, part by part, and says what was seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib.metadata import version

from pytest_failhard.gates.performance import (
    budgets,
    counted,
    counting,
    duet,
    pasteable,
    proof,
    prove,
    self_check,
    series,
    states,
    table,
    terms,
    trees,
)
from pytest_failhard.gates.performance.counting import Counting
from pytest_failhard.gates.performance.duet import Duet
from pytest_failhard.gates.performance.evidence import Journal
from pytest_failhard.gates.performance.lockstep import Plan
from pytest_failhard.gates.performance.measured import Measured, Product, meaning
from pytest_failhard.gates.performance.messages import Collected
from pytest_failhard.gates.performance.samples import Benchmark
from pytest_failhard.gates.performance.series import Conduct
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Trees
from pytest_failhard.gates.performance.states import Judged, Part, State
from pytest_failhard.model import Finding, GateError, Observation, Run, Severity

EVERYTHING = 100


@dataclass(kw_only=True)
class Seen:
    """What the gate has seen so far. `measured` are those with pairs, for the table and the self-check."""

    judged: list[Judged] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    measures: dict[str, int | Fraction] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, part: Part, found: Sequence[Measured], settings: PerformanceSettings) -> None:
        """Take in what was measured of a part; raises GateError for what gave no numbers."""
        self.measured += found
        states.require_numbers(found)
        judged = [states.judged(each, part) for each in found]
        self.judged += judged
        self.findings += states.weighed(part, states.findings(judged), settings)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the parts share."""

    run: Run
    settings: PerformanceSettings
    trees: Trees
    duet: Duet
    conduct: Conduct
    seen: Seen = field(default_factory=Seen)

    def runs(self, part: Part) -> bool:
        """Tell whether the level enforces a part, or wants to be told of it."""
        return part.value in (*self.settings.enforce, *self.settings.report)


def observe(run: Run, settings: PerformanceSettings) -> Observation:
    """Measure both trees; raises GateError where nothing can be compared or something gave no numbers."""
    duet.require_platform()
    if run.base is None and Part.BENCHMARKS.value not in settings.enforce:
        return _uncompared(run)
    built = trees.build(run, settings)
    rule = replace(terms.rule(settings), most=settings.most_pairs)
    journal = Journal()
    work = Work(
        run=run,
        settings=settings,
        trees=built,
        duet=Duet(
            run=run,
            trees=built,
            check=proof.check,
            plan=Plan(rounds=settings.rounds, fewest=rule.fewest, max_seconds=rule.max_seconds),
        ),
        conduct=Conduct(rule=rule, journal=journal, remaining=run.remaining),
    )
    try:
        names = _benchmarks(work)
        return _observation(work, names)
    finally:
        # What was measured is kept however the gate ends.
        journal.keep(run, rule.limit)
        run.keep("benchmarks.txt", table.text(work.seen.measured, work.seen.judged), volatile=True)


def _uncompared(run: Run) -> Observation:
    """Say that nothing could be compared, where that blocks nothing."""
    finding = Finding(
        rule="no-baseline",
        name="no-baseline",
        path="",
        line=0,
        severity=Severity.LOW,
        message="there is no merge base, so nothing was compared",
        fix=run.base_missing or "make a commit",
        anchor="no-baseline",
    )
    return Observation(tool=_tool(), examined=len(run.source) or 1, findings=(finding,))


def _tool() -> str:
    return f"pytest-failhard {version('pytest-failhard')}"


def _benchmarks(work: Work) -> list[Benchmark]:
    """Measure what the project's benchmarks say; return all that head has."""
    built, seen = work.trees, work.seen
    seen.notes += built.notes
    known = _known(work)
    excluded = {each.id: each for each in work.settings.excluded}
    if not built.head.tests:
        _require_some(work, [])
        seen.judged += [Judged(id=each, state=State.REMOVED) for each in sorted(known)]
        return []
    if built.identical or built.first:
        names = _collected(work)
        state = State.NEW if built.first else State.IDENTICAL
        detail = "there is no commit before" if built.first else ""
        judged = [Judged(id=each.id, state=state, detail=detail) for each in names if each.id not in excluded]
        seen.judged += judged
        seen.findings += states.weighed(Part.BENCHMARKS, states.findings(judged), work.settings)
        if built.first:
            _check_machine(work, names[:1])
    else:
        names = _compared(work, known, excluded)
    _require_some(work, names)
    gone = [Judged(id=each, state=State.REMOVED) for each in sorted(known - {each.id for each in names})]
    left_out = [
        Judged(id=each.id, state=State.EXCLUDED, detail=f"{each.reason} ({each.owner})")
        for each in excluded.values()
    ]
    seen.judged += [*gone, *left_out]
    seen.findings += states.weighed(Part.BENCHMARKS, states.findings([*gone, *left_out]), work.settings)
    return names


def _known(work: Work) -> set[str]:
    """Return the benchmarks that the base has by its own tests."""
    original = work.trees.original
    if original is None or not original.tests:
        return set()
    found = counting.collect(work.run, original)
    if found.errors:
        named = "; ".join(f"{each.file}: {each.type}: {each.message}" for each in found.errors)
        raise GateError(
            f"no-baseline: the base's own tests cannot be collected: {named}; choose a base that works"
        )
    return {entry.id for entry in found.collected}


def _collected(work: Work) -> list[Benchmark]:
    """Return head's benchmarks, where none is run."""
    found = counting.collect(work.run, work.trees.head)
    _require_collected(found)
    return [counting.benchmark(entry) for entry in found.collected]


def _require_collected(found: Collected) -> None:
    if found.errors:
        named = "; ".join(f"{each.file}: {each.type}: {each.message}" for each in found.errors)
        raise GateError(f"not-measured: tests cannot be collected: {named}; mend them")


def _require_some(work: Work, names: Sequence[Benchmark]) -> None:
    """Raise GateError where there is no benchmark and the level demands one."""
    if names:
        return
    if Part.BENCHMARKS.value in work.settings.enforce:
        raise GateError(f"no-benchmarks: nothing says how fast the product is\n{pasteable.test(work.run)}")
    work.seen.notes.append("there is no benchmark")


def _compared(work: Work, known: set[str], excluded: Mapping[str, object]) -> list[Benchmark]:
    """Count and measure every benchmark on both sides."""
    built = work.trees
    counts = counting.count(work.duet, [*excluded])
    _require_collected(counts.collected["head"])
    product = Product(packages={*built.head.packages, *built.base.packages}, known=known)
    unmeasured = [_failed(each, counts, product) for each in counts.benchmarks if counts.failures[each.id]]
    able = [each for each in counts.benchmarks if not counts.failures[each.id]]
    conduct = replace(work.conduct, product=product)
    measured = series.measure(able, work.duet.play, conduct) if able else ()
    work.seen.add(Part.BENCHMARKS, [*unmeasured, *measured], work.settings)
    work.seen.findings += counted.findings(counts, work.settings)
    work.seen.findings += budgets.findings(work.duet, work.seen.judged, counts.benchmarks, work.settings)
    chosen = self_check.chosen(measured)
    _check_machine(work, [chosen] if chosen else able[:1], able)
    return list(counts.benchmarks)


def _failed(benchmark: Benchmark, counts: Counting, product: Product) -> Measured:
    failures = counts.failures[benchmark.id]
    base, head = failures.get("base"), failures.get("head")
    outcome, problem, detail = meaning(benchmark.id, base, head, product)
    return Measured(
        benchmark=benchmark,
        outcome=outcome,
        problem=problem,
        detail=detail,
        base_failure=base,
        head_failure=head,
    )


def _check_machine(work: Work, chosen: Sequence[Benchmark], able: Sequence[Benchmark] = ()) -> None:
    """Measure the base against itself, and see it turn red, as far as the level or the person asks."""
    settings, seen = work.settings, work.seen
    if chosen and settings.self_check:
        self_check.check(chosen[0], work.duet.twins(work.trees.base).play, work.conduct)
        seen.measures["self_check"] = 1
    wanted = able if work.run.perf_prove else chosen
    if wanted and (settings.proof or work.run.perf_prove):
        base = work.trees.base
        prove.prove(wanted, lambda inject: work.duet.twins(base, inject).play, work.conduct)
        seen.measures["proved"] = 1


def _observation(work: Work, names: Sequence[Benchmark]) -> Observation:
    run, seen, built = work.run, work.seen, work.trees
    document = {
        "schema": "failhard-performance/1",
        "base": {"commit": built.commit, "chosen": built.chosen},
        "limit": str(work.conduct.rule.limit),
        "benchmarks": {each.id: each.state.value for each in sorted(seen.judged, key=lambda each: each.id)},
        "notes": seen.notes,
        "same_environment": built.same_environment,
    }
    run.keep("states.json", (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())
    ratios = dict(_ratios(seen.measured))
    measures = {**seen.measures, **dict(_counts(seen.judged, len(names))), **ratios}
    return Observation(
        tool=_tool(),
        examined=len(seen.judged) or len(built.head.packages),
        findings=tuple(sorted(seen.findings)),
        measures=measures,
        volatile=frozenset(ratios),
    )


def _counts(judged: Sequence[Judged], benchmarks: int) -> Iterator[tuple[str, int | Fraction]]:
    """Return what was compared of what could be; without the share where something is undecided."""
    compared = sum(each.state in states.COMPARED for each in judged if each.part in states.PROJECT)
    yield "benchmarks", benchmarks
    yield "compared", compared
    if any(each.state is State.UNDECIDED for each in judged):
        return
    could = sum(each.state in states.COMPARABLE for each in judged if each.part in states.PROJECT)
    yield "compared_percent", Fraction(EVERYTHING * compared, could) if could else EVERYTHING


def _ratios(measured: Sequence[Measured]) -> Iterator[tuple[str, Fraction]]:
    """Return each ratio that was decided, and the worst, where all are."""
    ratios = {each.benchmark.id: each.decision.ratio for each in measured if each.decision}
    yield from ((f"ratio {name}", ratio) for name, ratio in ratios.items())
    if len(ratios) == len(measured):
        # What is identical, or the first of its kind, is exactly as fast as itself.
        yield "worst_ratio", max(ratios.values(), default=Fraction(1))
