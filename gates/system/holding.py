"""Decides how requests are held in flight: by half a body, a slow route, or what the route waits for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import GateError
from pytest_failhard.system import ask, asking, commands, servers
from pytest_failhard.system.declaration import COUNTER, LLM, SECRET, Route
from pytest_failhard.system.environment import HOST
from pytest_failhard.system.held import Held, Part, halvable
from pytest_failhard.system.launch import Instance
from pytest_failhard.system.servers import MOST_IN_FLIGHT, Server

SLOW_SECONDS = 1.5
"""A route that is to be held by its own slowness must outlast the half second before the signal."""
DELAY_SECONDS = 2.0
PREPARING_SECONDS = 10.0
Delay = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How requests are held: up to which part they are sent; `delay` holds back what the answer waits for."""

    route: Route
    part: Part
    delay: Delay | None = None


def way(system_routes: tuple[Route, ...], delays: Mapping[str, Delay]) -> Way:
    """Return how requests can be held; raises GateError where none can.

    `delays` hold back what the routes need, by the name in `needs`.
    """
    routes = [route for route in system_routes if not route.negative]
    if by_body := halved(routes):
        return by_body
    slow = [route for route in routes if (route.slow_s or 0) >= SLOW_SECONDS]
    if slow:
        return Way(route=slow[0], part="whole")
    for route in routes:
        for name in route.needs:
            if name in delays:
                return Way(route=route, part="whole", delay=delays[name])
    raise GateError(
        "nothing can be held in flight: no declared route takes a body, is slow for "
        f"{SLOW_SECONDS:g} seconds (`slow_s`), or needs a dependency or a model; declare one that does"
    )


def halved(routes: Sequence[Route]) -> Way | None:
    """Return how requests are held by half of a body, None where no route takes one.

    The route that builds upon least is the best one: what goes wrong then is not another's fault.
    """
    bodies = [route for route in routes if halvable(route) and not route.negative]
    bodies.sort(key=lambda each: (_builds_upon_answers(each), len(each.needs)))
    return Way(route=bodies[0], part="half") if bodies else None


def _builds_upon_answers(route: Route) -> bool:
    return any(name != COUNTER and not name.startswith(SECRET) for name in ask.wanted(route))


@contextlib.contextmanager
def held(instance: Instance, how: Way, number: int) -> Iterator[list[Held]]:
    """Hold so many requests in flight while the block runs. What a route takes from others is asked first."""
    prepare(instance, how.route)
    with contextlib.ExitStack() as opened:
        if how.delay is not None:
            opened.callback(how.delay, 0.0)
            how.delay(DELAY_SECONDS)
        yield [
            opened.enter_context(Held(HOST, instance.port, instance.request(how.route), how.part))
            for _ in range(number)
        ]


def prepare(instance: Instance, route: Route) -> None:
    """Ask the routes whose answers a route's request is written with, as far as they can be asked."""
    for each in asking.prelude(instance.system, [route]):
        if can_ask(instance, each):
            instance.send(each, within=PREPARING_SECONDS)


def can_ask(instance: Instance, route: Route) -> bool:
    """Tell whether a request can be written: no answer may have held what it takes."""
    try:
        instance.request(route)
    except GateError:
        return False
    return True


def delays(stage: Stage) -> Mapping[str, Delay]:
    """Return what can be held back for the system, by the names that routes have for it."""
    tcp = {each.name for each in stage.system.dependencies or () if each.broken_by != "path"}
    found: dict[str, Delay] = {name: link.delay for name, link in stage.links.items() if name in tcp}
    return found if stage.model is None else {**found, LLM: stage.model.delay}


def configured(stage: Stage) -> Server | None:
    """Return how the server is configured, None where it is none whose configuration can be read."""
    command = servers.command_of(commands.words_of(stage.system.start))
    if command is None:
        return None
    variables = dict(stage.prepare().variables)
    if stage.system.port_env is not None:
        # A port that nobody opens: only the configuration is read.
        variables[stage.system.port_env] = "0"
    return servers.read(stage.run, command, cwd=stage.tree, environment=variables, interpreter=stage.python)


def in_flight(server: Server | None) -> int:
    """Return how many requests can be held: as many as the server takes at a time, and 8 at most."""
    return MOST_IN_FLIGHT if server is None else server.in_flight
