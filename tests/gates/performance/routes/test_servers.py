"""Tests of routes under load: both sides' servers are real and small, few pairs, short windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.routes.judging import CPU_PER_REQUEST
from pytest_failhard.gates.performance.routes.plan import Load, RouteState
from pytest_failhard.gates.performance.routes.servers import (
    Demand,
    RouteMeasured,
    RoutesMeasured,
    Series,
    findings,
    observe_routes,
)
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.statistics import State
from pytest_failhard.model import GateError, Severity
from tests.gates.performance.routes.test_judging import opened, pair, window
from tests.gates.performance.sided import DECLARED, ENFORCED, QUICK, WORK, Project

Make = Callable[..., Project]
SHARED = """
[[tool.failhard.system.dependencies]]
name = "db"
url_env = "DATABASE_URL"
provide = { env = "TEST_DATABASE_URL" }

[[tool.failhard.system.routes]]
id = "create"
method = "POST"
path = "/items"
expect = [201]
needs = ["db"]
capture = { item = "id" }

[[tool.failhard.system.routes]]
id = "show"
path = "/items/${item}"
"""
BUILT = """
[[tool.failhard.system.routes]]
id = "none"
path = "/lost"
expect = [404]
negative = true
capture = { piece = "no.such" }

[[tool.failhard.system.routes]]
id = "part"
path = "/parts/${piece}"
"""
ASKING = """
[[tool.failhard.system.routes]]
id = "ask"
path = "/ask"
needs = ["llm"]

[tool.failhard.llm]
providers = ["openai"]

[[tool.failhard.llm.calls]]
id = "question"
route = "ask"
"""
WITH_KEY = DECLARED.replace("secrets = []", 'secrets = [{ name = "MY_KEY", provider = true }]')


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Project] = []

    def project(**given: object) -> Project:
        made.append(Project(tmp_path / str(len(made)), **given))  # type: ignore[arg-type]  # as they are given
        return made[-1]

    yield project
    for each in made:
        each.run.close()


def routes(*names: str) -> str:
    """Declare routes that are read."""
    return "".join(WORK.replace("work", name) for name in names)


def observed(project: Project) -> RoutesMeasured:
    """Measure quickly."""
    return observe_routes(project.run, project.settings, project.trees, protocol=QUICK)


def by_id(found: RoutesMeasured) -> Mapping[str, RouteMeasured]:
    """Return the benchmarks by their id."""
    return {each.benchmark: each for each in found.routes}


class TestMeasured:
    """Servers that are loaded."""

    def test_a_request_that_takes_more_work_is_slower_and_the_evidence_says_how(self, make: Make) -> None:
        settings = replace(ENFORCED, pairs=(3, 3, 3))
        project = make(base={"units": 2}, head={"units": 12}, settings=settings)
        (work,) = observed(project).routes
        assert (work.benchmark, work.state, work.problem) == ("route:work", RouteState.MEASURED, "")
        assert work.work is not None
        assert (work.work.state, work.work.clock) == (State.SLOWER, CPU_PER_REQUEST)
        assert work.estimates[CPU_PER_REQUEST].ratio > 1.5
        kept = project.file("load/work.json")
        pairs = kept["pairs"]
        assert isinstance(pairs, list)
        assert (kept["schema"], kept["benchmark"], len(pairs)) == (
            "failhard-load/1",
            "route:work",
            work.pairs,
        )
        assert [each["first"] for each in pairs[:3]] == ["base", "head", "base"]
        orders = [[one["side"] for one in each["windows"]] for each in pairs[:2]]
        assert orders == [["base", "head", "head", "base"], ["head", "base", "base", "head"]]
        assert {*pairs[0]["opened"]} == {"base", "head"}
        assert pairs[1]["opened"] == {}
        assert pairs[0]["answers"]["head"]["work"]["200"] > 0
        assert len({each["seed"] for each in pairs}) == len(pairs)
        latency = kept["latency"]
        assert isinstance(latency, dict)
        assert all(latency[side]["closed"]["p95"] > 0 for side in ("base", "head"))
        assert len(latency["head"]["opened"]["milliseconds"]) <= 200
        assert work.seconds > 0

    def test_a_fast_refusal_is_no_speed_up_and_ends_the_series(self, make: Make) -> None:
        found = observed(make(base={}, head={"limit": 20}))
        (work,) = found.routes
        assert (work.state, work.pairs, work.work) == (RouteState.BROKEN, 1, None)
        (finding,) = found.findings
        assert (finding.rule, finding.severity) == ("new-errors", Severity.HIGH)
        assert finding.message.startswith("route work: requests under load fail at head")

    def test_what_the_time_does_not_suffice_for_is_undecided(self, make: Make) -> None:
        project = make(base={}, head={}, settings=replace(ENFORCED, pairs=(3, 3, 3)))
        found = observe_routes(project.run, project.settings, project.trees, protocol=QUICK, seconds=0.1)
        (work,) = found.routes
        assert (work.pairs, work.work) == (1, None)
        assert work.problem.startswith("undecided: ")

    def test_where_the_base_refuses_as_well_nothing_is_measured(self, make: Make) -> None:
        (work,) = observed(make(base={"limit": 3}, head={"limit": 3})).routes
        assert work.problem.startswith("not-measured: the base itself fails many of its requests")

    def test_workers_that_come_and_go_are_an_error(self, make: Make) -> None:
        found = observed(make(base={"restarts": True}, head={}))
        (work,) = found.routes
        assert work.problem.startswith("worker-restarts: processes of base come and go")
        assert (work.work, found.findings) == (None, ())

    def test_each_route_is_compared_that_both_sides_answer(self, make: Make) -> None:
        settings = PerformanceSettings(report=("routes",), pairs=(2, 2, 9))
        project = make(
            base={"lacks": ["/fresh", "/changed", "/lost"]},
            head={"lacks": ["/broken", "/lost"]},
            routes=routes("work", "other", "fresh", "changed", "broken", "lost") + BUILT,
            base_routes=routes("work", "other", "changed", "old"),
            settings=settings,
        )
        found = observed(project)
        states = {name: each.state.value for name, each in by_id(found).items()}
        assert states == {
            "route:work": "measured",
            "route:other": "measured",
            "route:all": "measured",
            "route:fresh": "new",
            "route:changed": "incomparable",
            "route:broken": "new-errors",
            "route:lost": "not-measured",
            "route:old": "removed",
            "route:part": "not-measured",
        }
        assert by_id(found)["route:lost"].problem.startswith("not-measured: ")
        # What is only reported is reported low, after no more than the usual pairs.
        assert [(each.rule, each.severity) for each in found.findings] == [("new-errors", Severity.LOW)]
        assert by_id(found)["route:all"].work is not None
        assert {*project.kept.files} >= {"load/work.json", "load/other.json", "load/all.json"}

    def test_one_that_both_sides_share_is_not_changed_and_said(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make(base={}, head={})
        with other.run_server() as port:
            monkeypatch.setenv("TEST_DATABASE_URL", f"tcp://127.0.0.1:{port}")
            found = observed(make(base={}, head={}, routes=SHARED))
        (show,) = found.routes
        assert (show.benchmark, show.state, show.pairs >= 2) == ("route:show", RouteState.MEASURED, True)
        (finding,) = found.findings
        assert (finding.rule, finding.severity) == ("shared-dependency", Severity.LOW)
        assert "db" in finding.message
        assert "create" in finding.message

    def test_a_model_answers_behind_both_sides(self, make: Make) -> None:
        found = observed(make(base={"asks": True}, head={"asks": True}, routes=ASKING, declared=WITH_KEY))
        assert (found.routes[0].state, found.findings) == (RouteState.MEASURED, ())
        assert found.routes[0].pairs >= 2

    def test_a_route_that_does_not_ask_the_model_is_an_error(self, make: Make) -> None:
        with pytest.raises(GateError, match="llm-not-used: ask"):
            observed(make(base={"asks": True}, head={}, routes=ASKING, declared=WITH_KEY))


class TestNotStarted:
    """What needs no server, or has none."""

    def test_without_routes_or_a_part_that_is_wanted_nothing_is_measured(self, make: Make) -> None:
        library = make(base={}, head={}, routes="", declared='[tool.failhard.system]\nkind = "library"\n')
        assert observed(library) == observed(make(base={}, head={}, routes="")) == RoutesMeasured()
        unwanted = make(base={}, head={}, settings=PerformanceSettings(report=("benchmarks",)))
        assert observed(unwanted) == RoutesMeasured()

    @pytest.mark.parametrize(("name", "state"), [("identical", "identical"), ("first", "new")])
    def test_what_cannot_differ_is_not_measured(self, make: Make, name: str, state: str) -> None:
        project = make(base={"dead": True}, head={"dead": True}, routes=routes("work", "other"))
        project.trees = replace(project.trees, **{name: True})  # type: ignore[arg-type]  # both are booleans
        found = observed(project)
        assert [(each.benchmark, each.state.value) for each in found.routes] == [
            ("route:work", state),
            ("route:other", state),
            ("route:all", state),
        ]

    def test_a_base_that_does_not_start_as_it_declares_is_an_error(self, make: Make) -> None:
        with pytest.raises(GateError, match="no-baseline: base: the system ended with exit code 1"):
            observed(make(base={"dead": True}, head={}))

    def test_a_head_that_does_not_start_is_an_error(self, make: Make) -> None:
        with pytest.raises(GateError, match="not-measured: head: the system ended"):
            observed(make(base={}, head={"dead": True}))

    @pytest.mark.parametrize("before", ["", "[tool.failhard.system]\nkind = 1\n"])
    def test_where_nothing_says_that_there_was_a_system_all_routes_are_new(
        self, make: Make, before: str
    ) -> None:
        project = make(base={"dead": True}, head={})
        (project.trees.base.tree / "pyproject.toml").write_text(before, "utf-8")
        assert [(each.benchmark, each.state) for each in observed(project).routes] == [
            ("route:work", RouteState.NEW)
        ]

    def test_a_server_that_runs_other_code_than_its_own_is_an_error(self, make: Make) -> None:
        project = make(base={}, head={})
        (project.trees.head.tree / "server.py").rename(project.trees.head.tree.parent / "elsewhere.py")
        pyproject = project.trees.head.tree / "pyproject.toml"
        pyproject.write_text(pyproject.read_text("utf-8").replace("server.py", "../elsewhere.py"), "utf-8")
        head = replace(project.trees.head, packages=("server",))
        project.trees = replace(project.trees, head=head)
        with pytest.raises(GateError, match="wrong-code: the server of head"):
            observed(project)


class TestSeries:
    """When a series of pairs ends."""

    @staticmethod
    def demand(settings: PerformanceSettings, deadline: float = 1e9) -> Demand:
        return Demand.of(settings, 1, deadline)

    def test_what_is_enforced_is_waited_for_and_what_is_reported_only_so_long(self) -> None:
        both = self.demand(replace(ENFORCED, enforce=("routes", "routes/wall"), pairs=(3, 12, 24)))
        assert (both.work, both.time, both.enforced, both.terms.most) == (True, True, True, 24)
        few = self.demand(replace(ENFORCED, pairs=(3, 12, 24), most_pairs=6))
        assert (few.terms.fewest, few.terms.most, few.terms.limit) == (3, 6, Fraction("1.15"))
        one = self.demand(ENFORCED)
        assert (one.work, one.time) == (True, False)
        reported = self.demand(PerformanceSettings(report=("routes", "routes/wall")))
        assert (reported.work, reported.time, reported.enforced, reported.terms.most) == (
            True,
            True,
            False,
            12,
        )

    def test_equal_pairs_decide_and_a_clock_that_stands_still_is_an_error(self) -> None:
        load = Load(benchmark="route:work", routes=(), own="work")
        even = pair([window("base")], [window("head")])
        equal = Series(load, self.demand(ENFORCED))
        for _ in range(2):
            assert equal.is_open
            equal.add(even, 1.0)
        assert not equal.is_open
        found = equal.result()
        assert found.work is not None
        assert (found.work.state, found.seconds) == (State.NOT_SLOWER, 2.0)
        still = Series(load, self.demand(ENFORCED))
        still.add(pair([window("base", cpu=0)], [window("head")]), 1.0)
        assert still.result().problem.startswith("below-resolution: ")

    def test_a_queue_that_grows_is_a_finding(self) -> None:
        load = Load(benchmark="route:work", routes=(), own="work")
        growing = pair([window("base")], [window("head")], base=opened(1, 1, 1), head=opened(1, 20, 40))
        series = Series(load, self.demand(ENFORCED))
        for _ in range(3):
            series.add(growing, 1.0)
        for enforced, severity in ((True, Severity.MEDIUM), (False, Severity.LOW)):
            (found,) = findings([series], {}, 8, enforced=enforced)
            assert (found.rule, found.severity) == ("queue-grows", severity)
        series.problem = "undecided: "
        assert list(findings([series], {}, 8, enforced=True)) == []

    def test_a_clock_of_time_that_never_has_a_value_ends_the_series(self) -> None:
        load = Load(benchmark="route:work", routes=(), own="nothing")
        series = Series(load, self.demand(replace(ENFORCED, enforce=("routes/wall",), pairs=(3, 3, 3))))
        while series.is_open:
            series.add(pair([window("base")], [window("head")]), 1.0)
        assert len(series.judged) <= 6
