"""Asks declared routes, after those whose answers their requests need."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_failhard.system.ask import Answer, wanted
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.launch import Instance

ASKING_SECONDS = 30.0
"""So long a route may take that nothing was done to."""


def prelude(system: System, routes: Sequence[Route]) -> tuple[Route, ...]:
    """Return the routes whose answers the requests of these need, in the order in which to ask them."""
    names = {name for route in routes for name in wanted(route)}
    found: list[Route] = []
    for route in reversed(system.routes or ()):
        if names & set(route.capture):
            found.insert(0, route)
            names |= wanted(route)
    return tuple(found)


def prepare(
    instance: Instance,
    routes: Sequence[Route],
    *,
    within: float = ASKING_SECONDS,
    unknown: str | None = None,
) -> None:
    """Ask what these routes need asked before.

    `unknown` stands for what an answer lacks that a request takes of it; without it, GateError is raised.
    """
    for route in prelude(instance.system, routes):
        instance.send(route, within=within, unknown=unknown)


def ask(
    instance: Instance, route: Route, *, within: float = ASKING_SECONDS, unknown: str | None = None
) -> Answer:
    """Ask a route after all that its request needs; `unknown` as in `prepare`."""
    prepare(instance, [route], within=within, unknown=unknown)
    return instance.send(route, within=within, unknown=unknown)
