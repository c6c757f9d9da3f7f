"""Takes a dependency from a running system and gives it back, and tells what the system said meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import GateError
from pytest_failhard.system import asking
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import Dependency, Route
from pytest_failhard.system.launch import OK, REQUEST_SECONDS, Instance
from pytest_failhard.system.links import Link, PathLink, TcpLink

REACT_SECONDS = 15.0
"""So long the ready path may take to follow a dependency: one or two usual periods of an orchestrator."""
TURN_SECONDS = 0.1
LIVE_POLLS = 5
UNKNOWN = "unknown"
"""Stands for what no answer gave: that a route fails while nothing is wrong is not seen here."""
FIRST_ERROR = 300
FIRST_SUCCESS = 200


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds: how long the ready path may take to follow, and how often it is asked."""

    react: float = REACT_SECONDS
    turn: float = TURN_SECONDS


@dataclass(frozen=True, kw_only=True)
class Broken:
    """What the system said while a dependency was broken, and after.

    `used` is false where the system never used it: then nothing was broken and the rest says nothing.
    `succeeded` are the routes that need it and were answered with a 2xx. `lived` is whether the liveness path
    stayed 200, None where there is none.
    """

    name: str
    used: bool = True
    followed: bool = False
    succeeded: tuple[str, ...] = ()
    recovered: bool = False
    lived: bool | None = None
    answers: tuple[tuple[str, Answer], ...] = ()


def take(stage: Stage, dependency: Dependency, limits: Limits) -> Broken:
    """Break a dependency of a system of its own, and repair it; raises GateError where it cannot."""
    link, path = _link(stage, dependency)
    changes = {dependency.url_env: str(path)} if path is not None else {}
    before = _connections(link)
    with stage.instance(f"without {dependency.name}", changes=changes) as instance:
        try:
            _use(instance, dependency, limits)
            if _connections(link) == before >= 0 or not _break(link):
                return Broken(name=dependency.name, used=False)
            return _taken(dependency, link, instance, limits)
        finally:
            link.repair()


def _link(stage: Stage, dependency: Dependency) -> tuple[Link, Path | None]:
    if dependency.broken_by != "path":
        return stage.links[dependency.name], None
    folder = stage.run.scratch / "paths" / dependency.name
    folder.mkdir(parents=True)
    path = folder / dependency.name
    return PathLink(path), path


def _needing(instance: Instance, dependency: Dependency) -> tuple[Route, ...]:
    routes = instance.system.routes or ()
    return tuple(route for route in routes if dependency.name in route.needs and not route.negative)


def _use(instance: Instance, dependency: Dependency, limits: Limits) -> None:
    """Ask all that needs it, so that what is made of it when it is first needed is there."""
    for route in _needing(instance, dependency):
        asking.ask(instance, route, within=limits.react, unknown=UNKNOWN)


def _taken(dependency: Dependency, link: Link, instance: Instance, limits: Limits) -> Broken:
    said: list[tuple[str, Answer]] = []
    followed = until(lambda: not _is_ready(instance, said), limits)
    lived = _lives(instance, said)
    routes = _needing(instance, dependency)
    succeeded = tuple(route.id for route in routes if _succeeds(instance, route, limits))
    link.repair()
    return Broken(
        name=dependency.name,
        followed=followed,
        succeeded=succeeded,
        recovered=until(lambda: _is_ready(instance, said), limits),
        lived=lived,
        answers=tuple(said),
    )


def _connections(link: Link) -> int:
    """Return how often the dependency was reached so far; -1 for a file, of which nobody counts it."""
    return link.connections if isinstance(link, TcpLink) else -1


def _break(link: Link) -> bool:
    try:
        link.break_()
    except GateError:
        # A path at which the system made nothing.
        return False
    return True


def until(reached: Callable[[], bool], limits: Limits) -> bool:
    """Tell whether something comes about in time."""
    deadline = time.monotonic() + limits.react
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(limits.turn)
    return True


def _is_ready(instance: Instance, said: list[tuple[str, Answer]]) -> bool:
    answer = polled(instance, instance.system.ready or "/")
    said.append(("ready", answer))
    return answer.ended and answer.status == OK


def _lives(instance: Instance, said: list[tuple[str, Answer]]) -> bool | None:
    if instance.system.live is None:
        return None
    answers = [polled(instance, instance.system.live) for _ in range(LIVE_POLLS)]
    said += [("live", answer) for answer in answers]
    return all(answer.ended and answer.status == OK for answer in answers)


def _succeeds(instance: Instance, route: Route, limits: Limits) -> bool:
    answer = instance.send(route, within=limits.react, unknown=UNKNOWN)
    return answer.ended and answer.status is not None and FIRST_SUCCESS <= answer.status < FIRST_ERROR


def polled(instance: Instance, path: str) -> Answer:
    """Return what a path answers to an orchestrator's probe."""
    return instance.send(Route(id="probe", path=path), within=REQUEST_SECONDS)
