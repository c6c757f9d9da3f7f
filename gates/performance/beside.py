"""Measures what stands beside the benchmarks: imports, workloads, a system's routes, the last release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_failhard.gates.performance import states, trees, workloads
from pytest_failhard.gates.performance.duet import Duet
from pytest_failhard.gates.performance.pairs import imports, series
from pytest_failhard.gates.performance.routes import servers
from pytest_failhard.gates.performance.routes.plan import RouteState
from pytest_failhard.gates.performance.routes.servers import RouteMeasured
from pytest_failhard.gates.performance.samples import Pair
from pytest_failhard.gates.performance.states import Judged, Part, State
from pytest_failhard.gates.performance.statistics import Decision
from pytest_failhard.gates.performance.trees import proof
from pytest_failhard.gates.performance.work import Work
from pytest_failhard.gates.performance.workload import ceilings
from pytest_failhard.model import GateError

CHEAP_NS = 20_000_000
"""An import that takes less processor time on both sides is not judged: a start varies by as much."""
UNDECIDED = "undecided"
ROUTE_STATES = {
    RouteState.IDENTICAL: State.IDENTICAL,
    RouteState.NEW: State.NEW,
    RouteState.REMOVED: State.REMOVED,
    RouteState.INCOMPARABLE: State.INCOMPARABLE,
    RouteState.BROKEN: State.BROKEN,
}


def measure_imports(work: Work) -> None:
    """Time the import of each package of the product; what costs little is not worth a decision."""
    if not work.runs(Part.IMPORTS) or work.trees.identical or work.trees.first:
        return
    packages = work.settings.import_packages or work.trees.head.packages
    play = imports.Imports(duet=work.duet).play
    everything = imports.benchmarks(packages)
    once = play(everything, 0)
    dear = [each for each in everything if not _is_cheap(once.pairs.get(each.id))]
    if dear:
        work.add(Part.IMPORTS, series.measure(dear, play, work.conduct))


def _is_cheap(pair: Pair | None) -> bool:
    """Tell whether an import that worked on both sides is one of a small package."""
    if pair is None:
        return False
    return all(min(batch.cpu for batch in side.batches) < CHEAP_NS for side in (pair.base, pair.head))


def measure_routes(work: Work) -> None:
    """Put every route of a declared system under load on both sides."""
    if not work.runs(Part.ROUTES):
        return
    seen = servers.observe_routes(work.run, work.settings, work.trees, others=len(work.seen.demanded))
    if work.enforces(Part.ROUTES):
        work.seen.demanded += [each.benchmark for each in seen.routes]
    work.seen.findings += states.weighed(Part.ROUTES, seen.findings, work.settings)
    for each in seen.routes:
        work.judge(_route(work, each))
        if each.work:
            work.seen.ratios[each.benchmark] = each.work.ratio


def _route(work: Work, route: RouteMeasured) -> Iterator[Judged]:
    """Return what a route's decisions mean; raises GateError for one without numbers that are demanded."""
    if route.state in ROUTE_STATES:
        detail = "the base does not answer it as it is declared here"
        yield Judged(id=route.benchmark, state=ROUTE_STATES[route.state], part=Part.ROUTES, detail=detail)
        return
    yield _decided(work, Part.ROUTES, route.benchmark, route.work, route.problem)
    if work.runs(Part.ROUTES_WALL):
        slow = _decided(work, Part.ROUTES_WALL, route.benchmark, route.time, route.time_problem)
        yield replace(slow, id=f"{route.benchmark}, by the clock")


def _decided(work: Work, part: Part, name: str, decision: Decision | None, problem: str) -> Judged:
    if problem and not problem.startswith(UNDECIDED) and work.enforces(part):
        raise GateError(f"{problem.partition(':')[0]}: {name}:{problem.partition(':')[2]}")
    state = State(decision.state.value) if decision and not problem else State.UNDECIDED
    detail = problem or ("its pairs do not agree enough" if state is State.UNDECIDED else "")
    return Judged(id=name, state=state, part=part, detail=detail, counts=work.enforces(part))


def measure_workloads(work: Work) -> None:
    """Run the declared workloads on both sides, and hold what they count against the golden file."""
    settings = work.settings
    if not work.runs(Part.WORKLOADS):
        return
    counted = work.seen.counts
    seen = workloads.observe_workloads(
        work.run,
        settings,
        work.trees,
        benchmarks=len(work.seen.demanded),
        further=ceilings.statements(counted.counts, work.trees.head.files) if counted else (),
    )
    names = [f"workload:{each.id}" for each in seen.outcomes]
    work.seen.demanded += names
    work.seen.findings += seen.findings
    work.seen.measures |= seen.measures
    for name, outcome in zip(names, seen.outcomes, strict=True):
        detail = outcome.why or ("its pairs did not agree in time" if outcome.state == UNDECIDED else "")
        counts = work.enforces(Part.WORKLOADS)
        state = State(outcome.state)
        work.judge([Judged(id=name, state=state, part=Part.WORKLOADS, detail=detail, counts=counts)])
        if outcome.decision:
            work.seen.ratios[name] = outcome.decision.ratio


def measure_release(work: Work) -> None:
    """Compare with the release before, too: five small steps since then are one large one."""
    if not work.runs(Part.RELEASE) or work.trees.first:
        return
    commit = trees.release(work.run, work.settings)
    if not commit or commit == work.trees.commit:
        work.seen.notes.append("no release before this one, or it is the base")
        return
    older = trees.build(work.run, work.settings, commit=commit)
    if older.identical or not older.head.tests:
        return
    duet = Duet(run=work.run, trees=older, check=proof.check, plan=work.duet.plan)
    decided = {each.benchmark.id: each.benchmark for each in work.seen.measured if each.decision}
    names = [benchmark for name, benchmark in decided.items() if name in work.seen.demanded]
    for each in series.measure(names, duet.play, replace(work.conduct, purpose="release")):
        detail = each.detail or f"against the release {commit[:12]}"
        judged = replace(states.judged(each, Part.RELEASE), detail=detail, counts=work.enforces(Part.RELEASE))
        work.judge([replace(judged, id=f"{each.benchmark.id}{states.AGAINST_RELEASE}")])
