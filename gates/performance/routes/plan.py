"""Makes benchmarks of declared routes: what is sent for each, and which cannot be compared."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.model import GateError
from pytest_failhard.system import asking
from pytest_failhard.system.declaration import Route, System

ALL = "all"
STEADY = "GET"
"""A route of this method can be asked again and again for the same thing."""


class RouteState(enum.Enum):
    """What became of a route."""

    MEASURED = "measured"
    """Both sides answer it: the decisions say more, or `problem` says why there are none."""
    IDENTICAL = "identical"
    NEW = "new"
    """The base does not declare it, and does not answer it as declared."""
    REMOVED = "removed"
    """Only the base declares it."""
    INCOMPARABLE = "incomparable"
    """The base declares it, and does not answer what head asks for as head declares."""
    BROKEN = "new-errors"
    """The base answers as declared, and head does not, or not always."""
    UNMEASURED = "not-measured"
    """Neither side answers it as declared."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is sent for a benchmark: `routes` in turn. `own` is the route that it is about, empty for all.

    `before` are asked once when a server has started: their answers are used again and again.
    """

    benchmark: str
    routes: tuple[Route, ...]
    own: str = ""
    before: tuple[Route, ...] = ()


def identity(route: str) -> str:
    """Return the id of a route's benchmark."""
    return f"route:{route}"


def shared(system: System) -> tuple[str, ...]:
    """Return the dependencies of which there is one, for both sides: those that an address names."""
    return tuple(
        each.name
        for each in system.dependencies or ()
        if each.broken_by != "path" and not (each.provide and each.provide.start)
    )


def measurable(system: System) -> tuple[tuple[Route, ...], tuple[str, ...]]:
    """Return the routes that can be loaded on both sides, and those that would change what both share.

    A route whose right answer is an error shows no work of the product. Raises GateError where none is left.
    """
    common = frozenset(shared(system))
    routes = [route for route in system.routes or () if not route.negative]
    if any(route.id == ALL for route in routes):
        raise GateError(f"the route {ALL} has the name of all routes together; give it another id")
    kept = tuple(route for route in routes if not _changes(route, system, common))
    left_out = tuple(route.id for route in routes if route not in kept)
    if left_out and not kept:
        raise GateError(
            f"not-measured: every route changes {', '.join(sorted(common))}, which both sides would share; "
            "declare how it is started (`provide = { start = [...] }`), so that each side has its own"
        )
    return kept, left_out


def _changes(route: Route, system: System, common: frozenset[str]) -> bool:
    asked = (route, *asking.prelude(system, [route]))
    return route.method != STEADY and any(common & set(each.needs) for each in asked)


def loads(system: System, routes: Sequence[Route]) -> tuple[Load, ...]:
    """Return what is sent for each route and, where there are several, for all of them in turn."""
    found = [_load(system, route) for route in routes]
    if len(routes) > 1:
        wanted = {route.id for load in found for route in load.routes}
        before = {route.id for load in found for route in load.before} - wanted
        together, first = (
            tuple(route for route in system.routes or () if route.id in ids) for ids in (wanted, before)
        )
        found.append(Load(benchmark=identity(ALL), routes=together, before=first))
    return tuple(replace(load, routes=tuple(map(_whole, load.routes))) for load in found)


def _load(system: System, route: Route) -> Load:
    before = asking.prelude(system, [route])
    if route.method == STEADY:
        return Load(benchmark=identity(route.id), routes=(route,), own=route.id, before=before)
    # What was deleted once cannot be deleted again: each request gets an answer of its own to build upon.
    return Load(benchmark=identity(route.id), routes=(*before, route), own=route.id)


def _whole(route: Route) -> Route:
    """Return a route whose times are whole: without what it may take by declaration a ratio means nothing."""
    return replace(route, slow_s=None)


def compared(
    routes: Sequence[Route],
    declared_by_base: Collection[str],
    answered: Callable[[SideName, Route], bool],
) -> dict[str, RouteState]:
    """Return the state of each route after both sides were asked once.

    `answered` tells whether a side (`base`, `head`) answers a route as head declares it.
    """
    states = {
        route.id: _state(answered("base", route), answered("head", route), route.id in declared_by_base)
        for route in routes
    }
    return states | dict.fromkeys(set(declared_by_base) - {*states}, RouteState.REMOVED)


def _state(base: bool, head: bool, declared: bool) -> RouteState:
    if base:
        return RouteState.MEASURED if head else RouteState.BROKEN
    if not head:
        return RouteState.UNMEASURED
    return RouteState.INCOMPARABLE if declared else RouteState.NEW
