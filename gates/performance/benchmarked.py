"""Measures the project's benchmarks: counted, compared, the machine checked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from pytest_failhard.gates.performance import prove
from pytest_failhard.gates.performance.pairs import budgets, counted, counting, pasteable, self_check, series
from pytest_failhard.gates.performance.pairs.counting import Counting
from pytest_failhard.gates.performance.pairs.measured import Measured, Product, meaning
from pytest_failhard.gates.performance.pairs.messages import Collected
from pytest_failhard.gates.performance.samples import Benchmark
from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.gates.performance.states import Judged, Part, State
from pytest_failhard.gates.performance.work import Work
from pytest_failhard.model import GateError
from pytest_failhard.system import declared


def measure(work: Work) -> None:
    """Measure every benchmark of head; raises GateError where one gives no numbers or none is there."""
    built = work.trees
    work.seen.notes += built.notes
    known = _known(work)
    excluded = {each.id: each for each in work.settings.excluded}
    if not built.head.tests:
        names: list[Benchmark] = []
    elif built.identical or built.first:
        names = _unmeasured(work, excluded)
    else:
        names = _compared(work, known, excluded)
    _require_some(work, names)
    work.seen.demanded += [each.id for each in names]
    gone = known - {each.id for each in names} - excluded.keys()
    work.judge(Judged(id=each, state=State.REMOVED) for each in sorted(gone))
    work.judge(
        Judged(id=each.id, state=State.EXCLUDED, detail=f"{each.reason} ({each.owner})")
        for each in excluded.values()
    )


def _known(work: Work) -> set[str]:
    """Return the benchmarks that the base has by its own tests."""
    original = work.trees.original
    if original is None or not original.tests:
        return set()
    found = counting.collect(work.run, original)
    if found.errors:
        raise GateError(
            f"no-baseline: the base's own tests cannot be collected: {_named(found)}; choose another base"
        )
    return {entry.id for entry in found.collected}


def _named(found: Collected) -> str:
    return "; ".join(f"{each.file}: {each.type}: {each.message}" for each in found.errors)


def _require_collected(found: Collected) -> None:
    if found.errors:
        raise GateError(f"not-measured: tests cannot be collected: {_named(found)}; mend them")


def _require_some(work: Work, names: Sequence[Benchmark]) -> None:
    """Raise GateError where there is neither benchmark nor workload and the level demands one."""
    if names or work.settings.workloads or _has_judged_routes(work):
        return
    if work.enforces(Part.BENCHMARKS):
        raise GateError(f"no-benchmarks: nothing says how fast the product is\n{pasteable.test(work.run)}")
    work.seen.notes.append("there is no benchmark")


def _has_judged_routes(work: Work) -> bool:
    system = declared.read(work.run.root) if work.enforces(Part.ROUTES) else None
    return system is not None and system.kind == "http" and bool(system.routes)


def _unmeasured(work: Work, excluded: Collection[str]) -> list[Benchmark]:
    """Run each of head's benchmarks once, where nothing differs or there is nothing before.

    What is as fast as before has to run all the same: one that is skipped measures nothing.
    """
    head, first, seen = work.trees.head, work.trees.first, work.seen
    counts = seen.counts = counting.count(work.duet.twins(head), excluded)
    _require_collected(counts.collected["head"])
    failed = [_failed(each, counts, Product()) for each in counts.benchmarks if counts.failures[each.id]]
    work.add(Part.BENCHMARKS, failed)
    seen.findings += counted.findings(counts, work.settings)
    state = State.NEW if first else State.IDENTICAL
    detail = "there is no commit before" if first else ""
    work.judge(Judged(id=each.id, state=state, detail=detail) for each in counts.benchmarks)
    if first:
        seen.findings += budgets.findings(work.duet, seen.judged, counts.benchmarks, work.settings)
        seen.timed = bool(counts.benchmarks)
        _check(work, counts.benchmarks[:1], counts.benchmarks, head)
    return list(counts.benchmarks)


def _compared(work: Work, known: set[str], excluded: Collection[str]) -> list[Benchmark]:
    """Count and measure every benchmark on both sides."""
    built, seen = work.trees, work.seen
    counts = seen.counts = counting.count(work.duet, excluded)
    _require_collected(counts.collected["head"])
    product = Product(packages={*built.head.packages, *built.base.packages}, known=known)
    sharing = len(counts.benchmarks) + len(built.head.packages) + len(work.settings.workloads)
    conduct = replace(work.conduct, product=product, sharing=sharing)
    unable = [_failed(each, counts, product) for each in counts.benchmarks if counts.failures[each.id]]
    able = [each for each in counts.benchmarks if not counts.failures[each.id]]
    # What cannot be judged in any case is known before anything is timed.
    work.add(Part.BENCHMARKS, unable)
    seen.findings += counted.findings(counts, work.settings)
    measured = series.measure(able, work.duet.play, conduct) if able else ()
    work.add(Part.BENCHMARKS, measured)
    seen.findings += budgets.findings(work.duet, seen.judged, counts.benchmarks, work.settings)
    seen.timed = bool(counts.benchmarks)
    chosen = self_check.chosen(measured)
    if chosen:
        _check(work, [chosen], able, built.base)
    else:
        # None of them runs on the base: the machine is checked with what head has.
        _check(work, counts.benchmarks[:1], counts.benchmarks, built.head)
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


def _check(work: Work, chosen: Sequence[Benchmark], able: Sequence[Benchmark], side: Side) -> None:
    """Measure a side against itself, and see it turn red, as far as the level or the person asks."""
    settings, duet = work.settings, work.duet
    if chosen and settings.self_check:
        self_check.check(chosen[0], duet.twins(side).play, work.conduct)
        work.seen.measures["self_check"] = 1
    wanted = able if work.run.perf_prove else chosen
    if wanted and (settings.proof or work.run.perf_prove):
        prove.prove(wanted, lambda inject: duet.twins(side, inject).play, work.conduct)
        work.seen.measures["proved"] = 1
