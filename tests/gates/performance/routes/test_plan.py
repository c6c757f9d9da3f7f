"""Tests of which routes become benchmarks, and what is sent for each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failhard.gates.performance.routes import plan as route_plan
from pytest_failhard.gates.performance.routes.plan import RouteState
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.model import GateError
from pytest_failhard.system.declaration import Dependency, Provide, Route, System

CREATE = Route(id="create", method="POST", path="/items", needs=("db",), capture={"item": "id"})
SHOW = Route(id="show", path="/items/${item}", needs=("db",), slow_s=2)
DELETE = Route(id="delete", method="DELETE", path="/items/${item}", needs=("db",))
PLAIN = Route(id="plain", path="/plain")
REFUSED = Route(id="refused", path="/no", expect=(403,), negative=True)


def system(*routes: Route, dependency: Dependency | None = None) -> System:
    """Declare routes, and what they need."""
    return System(kind="http", routes=routes, dependencies=(dependency,) if dependency else ())


def dependency(provide: Provide | None, *, is_path: bool = False) -> Dependency:
    """Declare the dependency that the routes need."""
    made = Dependency(name="db", url_env="DB", provide=provide)
    return replace(made, broken_by="path") if is_path else made


def test_what_reads_is_asked_alone_and_what_changes_with_all_that_it_builds_upon() -> None:
    declared = system(CREATE, SHOW, DELETE)
    found = route_plan.loads(declared, (CREATE, SHOW, DELETE))
    assert [(each.benchmark, [route.id for route in each.routes]) for each in found] == [
        ("route:create", ["create"]),
        ("route:show", ["show"]),
        ("route:delete", ["create", "delete"]),
        ("route:all", ["create", "show", "delete"]),
    ]
    assert [route.id for route in found[1].before] == ["create"]
    assert [each.own for each in found] == ["create", "show", "delete", ""]
    assert all(route.slow_s is None for each in found for route in each.routes)


def test_what_only_comes_before_is_no_part_of_all_routes() -> None:
    found = route_plan.loads(system(CREATE, SHOW, PLAIN), (SHOW, PLAIN))
    assert [route.id for route in found[-1].routes] == ["show", "plain"]
    assert [route.id for route in found[-1].before] == ["create"]


def test_one_route_is_all_routes() -> None:
    assert [each.benchmark for each in route_plan.loads(system(PLAIN), (PLAIN,))] == ["route:plain"]


def test_a_route_that_shall_fail_is_no_benchmark() -> None:
    assert route_plan.measurable(system(PLAIN, REFUSED)) == ((PLAIN,), ())


def test_a_route_has_another_name_than_all() -> None:
    with pytest.raises(GateError, match="give it another id"):
        route_plan.measurable(system(Route(id="all", path="/")))


def test_what_both_sides_share_is_not_changed() -> None:
    declared = system(CREATE, SHOW, DELETE, PLAIN, dependency=dependency(Provide(env="DB_URL")))
    assert route_plan.shared(declared) == ("db",)
    assert route_plan.measurable(declared) == ((SHOW, PLAIN), ("create", "delete"))
    alone = system(CREATE, dependency=dependency(Provide(env="DB_URL")))
    with pytest.raises(GateError, match="every route changes db, which both sides would share"):
        route_plan.measurable(alone)


@pytest.mark.parametrize(
    "own", [dependency(Provide(start=("db", "${port}"))), dependency(None, is_path=True)]
)
def test_what_each_side_has_for_itself_is_not_shared(own: Dependency) -> None:
    declared = system(CREATE, SHOW, dependency=own)
    assert route_plan.shared(declared) == ()
    assert route_plan.measurable(declared) == ((CREATE, SHOW), ())


@pytest.mark.parametrize(
    ("answers", "declared", "state"),
    [
        ({"base", "head"}, True, RouteState.MEASURED),
        ({"base"}, True, RouteState.BROKEN),
        (set[SideName](), True, RouteState.UNMEASURED),
        ({"head"}, True, RouteState.INCOMPARABLE),
        ({"head"}, False, RouteState.NEW),
    ],
)
def test_only_what_both_sides_answer_is_compared(
    answers: set[SideName], declared: bool, state: RouteState
) -> None:
    base = {"plain"} if declared else set()
    assert route_plan.compared([PLAIN], base, lambda side, _: side in answers) == {"plain": state}


def test_what_only_the_base_declares_was_removed() -> None:
    found = route_plan.compared([PLAIN], ["plain", "old"], lambda *_: True)
    assert found == {"plain": RouteState.MEASURED, "old": RouteState.REMOVED}
