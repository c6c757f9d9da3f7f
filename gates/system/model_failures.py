"""Tells, for the readiness score, whether the system fails hard and says so while its model fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.system import asking
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import LLM

FAULTS = (
    "invalid_key",
    "rate_limit_no_header",
    "server_error",
    "rst_before",
    "body_html",
    "body_empty",
    "choices_empty",
)
"""One of a kind, quick to meet; all of them, and whose fault each is, are the matter of the gate `llm`."""
WITHIN_SECONDS = 30.0
SUCCESS = range(200, 300)
TYPED = frozenset({"type", "code"})
WRAPPED = ("error", "detail", "errors")
DEPENDENCY = re.compile(r"llm|upstream|provider|model|openai|anthropic", re.IGNORECASE)


def check(stage: Stage) -> Seen:
    """Ask each route that needs the model, once in each kind of failure."""
    routes = [route for route in stage.system.routes or () if LLM in route.needs]
    if stage.model is None or not routes:
        return Seen()
    answers: list[Answer] = []
    with stage.instance("the model fails") as instance:
        asking.prepare(instance, routes)
        for fault in FAULTS:
            with stage.model.failing(fault):
                answers += [asking.ask(instance, route, within=WITHIN_SECONDS) for route in routes]
    for answer in answers:
        stage.record.answer("the model fails", answer)
    return Seen(
        examined=len(answers),
        proved={
            "M1": not any(answer.status in SUCCESS for answer in answers),
            "M2": all(_is_typed(answer) for answer in answers),
        },
    )


def _is_typed(answer: Answer) -> bool:
    """Tell whether an answer says, for a program to read, that something behind the system failed."""
    if answer.status is None or answer.status in SUCCESS:
        return False
    try:
        document: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return any(DEPENDENCY.search(each) for each in _types(document))


def _types(document: object) -> Iterator[str]:
    for name, value in document.items() if isinstance(document, dict) else ():
        if name in TYPED and isinstance(value, str):
            yield value
        if name in WRAPPED:
            yield from (value,) if isinstance(value, str) else _types(value)
