"""R6: a request that is sent twice with the same idempotency key makes one thing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

from pytest_failhard.gates.system import holding
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding
from pytest_failhard.system import ask, asking
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import Route
from pytest_failhard.system.launch import Instance

PART = "R6/idempotency"


def check(stage: Stage) -> Seen:
    """Ask each route that declares such a header, and what to take from its answer, twice."""
    routes = [route for route in stage.system.routes or () if route.idempotency_header and route.capture]
    if not stage.runs(PART) or not routes:
        return Seen()
    with stage.instance("the same twice") as instance:
        found = tuple(each for route in routes for each in _twice(stage, instance, route))
    return Seen(findings=found, examined=len(routes))


def _twice(stage: Stage, instance: Instance, route: Route) -> Iterator[Finding]:
    holding.prepare(instance, route)
    if not holding.can_ask(instance, route):
        # Why the route cannot be asked, the load says.
        return
    request = instance.request(route)
    keyed = replace(request, headers={**request.headers, route.idempotency_header: secrets.token_hex(16)})
    answers = [instance.exchange(keyed, within=asking.ASKING_SECONDS) for _ in range(2)]
    for answer in answers:
        stage.record.answer(route.id, answer)
    first, second = (_made(route, answer) for answer in answers)
    if first and first != second:
        yield finding(
            "R6-not-idempotent",
            f"route {route.id}: sent twice with the same {route.idempotency_header}, it did not give "
            f"the same {' and '.join(route.capture)} twice",
            "keep the answer by its key, where all workers share it, and give it again",
            basis=route.id,
        )


def _made(route: Route, answer: Answer) -> dict[str, str]:
    # A second answer may say by another status that nothing new was made.
    is_right = answer.status is not None and answer.status // 100 == 2
    return ask.captured(route, answer) if is_right else {}
