"""Asks every route once around, to see what comes out in answers and logs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from pytest_failhard.gates.system.record import Asked, Watched
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.system import personal
from pytest_failhard.system.ask import Answer, Request
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.launch import Instance

ANSWER_SECONDS = 10.0
REQUEST_ID = "X-Request-ID"
PLACEHOLDER = "1"
"""Stands for a value that no answer has given."""
AT_ONCE = 8
"""So many requests with ids of their own, side by side: who keeps the id in one place for all mixes them."""
READINGS = 4
"""Of counters, before and after: each may come from another worker."""
SETTLE_SECONDS = 0.05
SETTLE_TURNS = 20
"""What a request logs may come after its answer: a second is waited for it."""


def watched(stage: Stage) -> Watched:
    """Return what the round saw; it is made once."""
    if stage.watched is None:
        stage.watched = _watched(stage)
    return stage.watched


def _watched(stage: Stage) -> Watched:
    data = personal.draw()
    with stage.instance("once around") as instance:
        before = _readings(stage, instance)
        asked = (*_asked(stage, instance), *_at_once(stage, instance))
        for route in _routes(stage.system):
            carrying = personal.carrying(route, data)
            if carrying is not None:
                answer = instance.send(carrying, within=ANSWER_SECONDS, unknown=PLACEHOLDER)
                stage.record.answer(route.id, answer)
        after = _readings(stage, instance)
        _settle(instance, [each.request_id for each in asked])
    ended = stage.record.starts[-1]
    return Watched(
        asked=asked,
        personal=data,
        output=ended.stdout + ended.stderr,
        log=ended.log,
        before=before,
        after=after,
    )


def _routes(system: System) -> Iterator[Route]:
    """Yield what is asked: the ready route, the document, and every declared route."""
    declared = system.routes or ()
    served = {"ready": system.ready, "openapi": system.openapi}
    for name, path in served.items():
        if path is not None and path.startswith("/") and all(route.path != path for route in declared):
            yield Route(id=name, path=path)
    yield from declared


def _asked(stage: Stage, instance: Instance) -> Iterator[Asked]:
    for route in _routes(stage.system):
        identity = secrets.token_hex(16)
        marked = replace(route, headers={**route.headers, REQUEST_ID: identity})
        answer = instance.send(marked, within=ANSWER_SECONDS, unknown=PLACEHOLDER)
        stage.record.answer(route.id, answer, identity)
        place = f"{route.method} {route.path}"
        yield Asked(route=route.id, place=place, request_id=identity, answer=answer)


def _at_once(stage: Stage, instance: Instance) -> Iterator[Asked]:
    """Ask one route several times at once; what is not answered is for other checks to judge."""
    route = next((each for each in _routes(stage.system) if each.method == "GET"), None)
    if route is None or not stage.runs("R11/at-once"):
        return
    ids = [secrets.token_hex(16) for _ in range(AT_ONCE)]
    marked = [replace(route, headers={**route.headers, REQUEST_ID: identity}) for identity in ids]
    requests = [instance.request(each, unknown=PLACEHOLDER) for each in marked]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(partial(instance.exchange, within=ANSWER_SECONDS), requests)
    for identity, answer in zip(ids, answers, strict=True):
        stage.record.answer(route.id, answer, identity)
        if answer.status is not None:
            place = f"{route.method} {route.path}, asked {AT_ONCE} times at once,"
            yield Asked(route=f"{route.id} at once", place=place, request_id=identity, answer=answer)


def _readings(stage: Stage, instance: Instance) -> tuple[Answer, ...]:
    """Read the counters several times, where the level looks at them."""
    if not stage.runs("R11/metrics"):
        return ()
    request = metrics_request(stage, instance)
    return tuple(instance.exchange(request, within=ANSWER_SECONDS) for _ in range(READINGS))


def metrics_request(stage: Stage, instance: Instance) -> Request:
    """Return the request for the counters: the declared route that ends so, else the usual path."""
    declared = (route for route in stage.system.routes or () if route.path.endswith("/metrics"))
    route = next(declared, Route(id="metrics", path="/metrics"))
    return instance.request(route, unknown=PLACEHOLDER)


def _settle(instance: Instance, identities: list[str]) -> None:
    for _ in range(SETTLE_TURNS):
        written = instance.process.stdout + instance.process.stderr
        if all(identity in written for identity in identities):
            return
        instance.process.wait(SETTLE_SECONDS)
