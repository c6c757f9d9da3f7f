"""Measures the declared routes of both sides' servers, in pairs, until each is decided."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_failhard.gates.performance import terms
from pytest_failhard.gates.performance.routes import evidence as load_evidence
from pytest_failhard.gates.performance.routes import findings as route_findings
from pytest_failhard.gates.performance.routes import plan as route_plan
from pytest_failhard.gates.performance.routes import processors, sites
from pytest_failhard.gates.performance.routes.judging import (
    Judged,
    Verdicts,
    estimates,
    fails_itself,
    fails_more,
    judged,
    queue_grows,
    verdicts,
)
from pytest_failhard.gates.performance.routes.plan import Load, RouteState
from pytest_failhard.gates.performance.routes.sites import NotReadyError, Sites
from pytest_failhard.gates.performance.routes.windows import LoadedPair, Server, WindowProtocol, measure
from pytest_failhard.gates.performance.samples import Benchmark, SideName
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Trees
from pytest_failhard.gates.performance.statistics import Decision, Estimate, Terms
from pytest_failhard.model import Finding, GateError, Run
from pytest_failhard.system import asking, declared
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.launch import Instance
from pytest_failhard.system.load_client import Target

WORK, WALL = "routes", "routes/wall"
"""The parts of the gate: requests that fail and work; times."""
RESTARTED = "worker-restarts: processes of {sides} come and go under load; a server must keep its workers"
UNREADABLE = "below-resolution: the clock of the server's processes did not move; nothing answers there"
FAILING = "not-measured: the base itself fails many of its requests under load: a rate limit, or an overload"
LATE = "undecided: the time that the gate has was over; give it more, or declare fewer routes"
SILENT = "not-measured: neither side answers it as declared; mend the route or its declaration"


@dataclass(frozen=True, kw_only=True)
class RouteMeasured:
    """What became of one benchmark. `work` is about processor time a request, `time` about seconds and p50.

    Where a decision is None although it is demanded, `problem` (`time_problem`) begins with the slug of why.
    `estimates` are for all clocks, decided or not.
    """

    benchmark: str
    state: RouteState
    pairs: int = 0
    seconds: float = 0.0
    work: Decision | None = None
    time: Decision | None = None
    problem: str = ""
    time_problem: str = ""
    estimates: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RoutesMeasured:
    """All benchmarks of the system, none where it has no routes. `findings` leave the ratios to others."""

    routes: tuple[RouteMeasured, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is to be decided, and until when (a value of `time.monotonic()`)."""

    work: bool
    time: bool
    enforced: bool
    terms: Terms
    deadline: float

    @classmethod
    def of(cls, settings: PerformanceSettings, benchmarks: int, deadline: float) -> Demand:
        """Return what a level demands: what it enforces; where that is nothing, what it reports."""
        enforced = WORK in settings.enforce or WALL in settings.enforce
        parts = settings.enforce if enforced else settings.report
        rule = terms.rule(settings)
        # What blocks nobody is not worth the time of the most pairs.
        most = min(settings.most_pairs, rule.most if enforced else rule.usual)
        return cls(
            work=WORK in parts,
            time=WALL in parts,
            enforced=WORK in settings.enforce,
            terms=replace(rule, most=most).terms(Benchmark(id=""), benchmarks),
            deadline=deadline,
        )


class Series:
    """The pairs of one benchmark so far, and what they say."""

    def __init__(self, load: Load, demand: Demand) -> None:
        self.load = load
        self.loaded: list[LoadedPair] = []
        self.judged: list[Judged] = []
        self.described: list[dict[str, object]] = []
        self.state = RouteState.MEASURED
        self.problem = ""
        self.seconds = 0.0
        self.last = 0.0
        self.failing: tuple[str, ...] = ()
        self._demand = demand
        self._verdicts = Verdicts(work=None, time=None)

    @property
    def is_open(self) -> bool:
        """Whether another pair is needed."""
        wanted = self._demand
        settled = self._verdicts.enough(work=wanted.work, time=wanted.time)
        return not (settled or self.problem or self.failing)

    def add(self, pair: LoadedPair, seconds: float) -> None:
        """Take note of a pair."""
        found = judged(pair, self.load.own)
        self.loaded.append(pair)
        self.judged.append(found)
        self.seconds += seconds
        self.last = seconds
        self.failing = fails_more(self.judged)
        if self.failing:
            self.state = RouteState.BROKEN
            return
        self.problem = _problem(found)
        self._verdicts = verdicts(self.judged, self._demand.terms)

    def result(self) -> RouteMeasured:
        """Return what became of it."""
        measured = self.state is RouteState.MEASURED
        return RouteMeasured(
            benchmark=self.load.benchmark,
            state=self.state,
            pairs=len(self.judged),
            seconds=self.seconds,
            work=self._verdicts.work if measured else None,
            time=self._verdicts.time if measured else None,
            problem=self.problem,
            time_problem=self._verdicts.unjudged,
            estimates=estimates(self.judged),
        )


def _problem(pair: Judged) -> str:
    if fails_itself(pair):
        return FAILING
    if pair.restarted:
        return RESTARTED.format(sides=" and ".join(pair.restarted))
    return "" if pair.figures["base"].cpu and pair.figures["head"].cpu else UNREADABLE


def observe_routes(
    run: Run,
    settings: PerformanceSettings,
    trees: Trees,
    *,
    others: int = 0,
    seconds: float | None = None,
    protocol: WindowProtocol | None = None,
    folder: str = "load",
) -> RoutesMeasured:
    """Measure every declared route, and all of them in turn, on both sides.

    `others` are benchmarks of the run that are none of ours, `seconds` is less than the gate's time where
    others need some of it, evidence gets names that begin with `folder`. Raises GateError where a side, or
    what it needs, cannot be started.
    """
    system = declared.read(run.root)
    if system is None or system.kind != "http" or not system.routes or not _wanted(settings):
        return RoutesMeasured()
    kept, left_out = route_plan.measurable(system)
    loads = route_plan.loads(system, kept)
    if trees.identical or trees.first:
        state = RouteState.IDENTICAL if trees.identical else RouteState.NEW
        return RoutesMeasured(
            routes=tuple(RouteMeasured(benchmark=each.benchmark, state=state) for each in loads)
        )
    left = run.remaining() if seconds is None else min(seconds, run.remaining())
    demand = Demand.of(settings, others + len(loads), time.monotonic() + left)
    with sites.opened(run, system, trees) as opened:
        series = _Measuring(run, opened, system, kept, demand, protocol or WindowProtocol())
        try:
            named = {route.id for route in system.routes} - {route.id for route in kept}
            series.measure(sites.declared_routes(trees.base) - named)
        finally:
            series.keep(folder)
        shared = route_findings.shared(route_plan.shared(system), left_out)
    return RoutesMeasured(routes=series.results(), findings=tuple(sorted((*shared, *series.findings()))))


def _wanted(settings: PerformanceSettings) -> bool:
    return bool({WORK, WALL} & {*settings.enforce, *settings.report})


class _Measuring:
    """All benchmarks of a system while they are measured."""

    def __init__(
        self,
        run: Run,
        opened: Sites,
        system: System,
        routes: Sequence[Route],
        demand: Demand,
        protocol: WindowProtocol,
    ) -> None:
        self._run = run
        self._sites = opened
        self._system = system
        self._routes = routes
        self._demand = demand
        self._protocol = protocol
        self._series: list[Series] = []
        self._states: dict[str, RouteState] = {}

    def measure(self, base: frozenset[str]) -> None:
        """Measure pair after pair; `base` are the routes that the base declares."""
        allowed = processors.allowed()
        number, starting = 0, 0.0
        while number == 0 or any(each.is_open for each in self._series):
            if number and self._is_late(number, starting):
                return
            first: SideName = "head" if number % 2 else "base"
            place = processors.placement(number, allowed)
            began = time.monotonic()
            try:
                with self._sites.pair(number, place, first) as instances, processors.loading(place):
                    starting = time.monotonic() - began
                    if number == 0:
                        self._begin(instances, base)
                    self._pair(instances, number, place.servers, first)
            except NotReadyError as error:
                if error.side != "base" or number or self._sites.is_own:
                    raise
                # Nothing says that there was a system before.
                self._states = dict.fromkeys((route.id for route in self._routes), RouteState.NEW)
            number += 1

    def _begin(self, instances: Mapping[SideName, Instance], base: frozenset[str]) -> None:
        """Ask each route once on both sides: only what both answer can be compared."""

        def answered(side: SideName, route: Route) -> bool:
            try:
                return asking.ask(instances[side], route).status in route.expect
            except GateError:
                # What it builds upon is not answered, or not declared, on this side.
                return False

        self._states = route_plan.compared(self._routes, base, answered)
        self._sites.require_own_code()
        chosen = [route for route in self._routes if self._states[route.id] is RouteState.MEASURED]
        loads = route_plan.loads(self._system, chosen)
        self._series = [Series(load, self._demand) for load in loads]

    def _is_late(self, number: int, starting: float) -> bool:
        a_pair = starting + sum(each.last for each in self._series if each.is_open)
        # With fewer than the fewest nothing can be decided: to measure on would only take time.
        pairs = max(1, self._demand.terms.fewest - number)
        if time.monotonic() + pairs * a_pair < self._demand.deadline:
            return False
        for each in self._series:
            each.problem = LATE if each.is_open else each.problem
        return True

    def _pair(
        self, instances: Mapping[SideName, Instance], number: int, cpu: int | None, first: SideName
    ) -> None:
        opened = [each for each in self._series if each.is_open]
        turn = number % max(1, len(opened))
        for each in (*opened[turn:], *opened[:turn]):
            began = time.monotonic()
            servers = {side: _server(instance, each.load) for side, instance in instances.items()}
            loaded = measure(
                servers,
                each.load.routes,
                first=first,
                paced=number < self._protocol.open_pairs,
                protocol=self._protocol,
            )
            each.add(loaded, time.monotonic() - began)
            given = load_evidence.Given(
                number=number + 1, seed=sites.seed(self._run.seed, number), cpu=cpu, first=first
            )
            each.described.append(load_evidence.pair(given, loaded, each.judged[-1]))

    def keep(self, folder: str) -> None:
        """Keep what was measured."""
        for each in self._series:
            document = load_evidence.document(each.load, each.described, each.loaded)
            name = each.load.own or route_plan.ALL
            self._run.keep(f"{folder}/{name}.json", document, volatile=True)

    def results(self) -> tuple[RouteMeasured, ...]:
        """Return what became of each benchmark, also of those that could not be measured."""
        measured = [each.result() for each in self._series]
        done = {each.benchmark for each in measured}
        others = [
            RouteMeasured(
                benchmark=route_plan.identity(route),
                state=state,
                problem=SILENT if state is RouteState.UNMEASURED else "",
            )
            for route, state in sorted(self._states.items())
            if route_plan.identity(route) not in done
        ]
        return (*measured, *others)

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong besides ratios."""
        return findings(
            self._series, self._states, self._protocol.concurrency, enforced=self._demand.enforced
        )


def findings(
    series: Sequence[Series], states: Mapping[str, RouteState], concurrency: int, *, enforced: bool
) -> Iterator[Finding]:
    """Yield the routes that newly fail, asked once or under load, and the benchmarks whose queue grows."""
    failing = {route for each in series for route in each.failing}
    failing |= {route for route, state in states.items() if state is RouteState.BROKEN}
    yield from (route_findings.new_errors(route, enforced=enforced) for route in sorted(failing))
    for each in series:
        if not (each.failing or each.problem) and queue_grows(each.loaded, concurrency):
            yield route_findings.queue_grows(each.load.benchmark, enforced=enforced)


def _server(instance: Instance, load: Load) -> Server:
    missing = [route for route in load.before if not {*route.capture} <= {*instance.captured}]
    for route in missing:
        instance.send(route, within=asking.ASKING_SECONDS, unknown="unknown")
    target = replace(Target.of(instance), known=instance.captured)
    return Server(target=target, family=instance.process.family)
