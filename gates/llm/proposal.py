"""Writes the tables that a project has to declare, as well as they can be guessed from its code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from pytest_failhard.gates.llm.applies import Guess, Use
from pytest_failhard.system.declaration import LLM, Route, System

SYSTEM = """\
[tool.failhard.system]
kind = "http"                       # http | worker | job | library
start = ["python", "-m", "app"]     # argv; not for a library
port_env = "PORT"
ready = "/health"
secrets = [{ name = "API_KEY", shape = "sk-*", provider = true }]

[[tool.failhard.system.routes]]
id = "ask"
method = "POST"
path = "/ask"
body = { question = "hi" }
needs = ["llm"]
"""


def calls(
    found: Sequence[Use], guesses: Iterable[Guess], system: System | None, missing: Iterable[Route] = ()
) -> str:
    """Return `[tool.failhard.llm]` to paste: the routes that need the model, else functions that call it."""
    named = sorted({name for use in found if len(use.providers) == 1 for name in use.providers})
    open_ = sorted({use.providers[0] for use in found if len(use.providers) > 1})
    providers = named or open_
    lines = ["[tool.failhard.llm]", f"providers = {json.dumps(providers)}"]
    routes = list(missing) or [
        route for route in (system.routes or () if system else ()) if LLM in route.needs
    ]
    for route in routes:
        lines += _call(route.id, f"route = {json.dumps(route.id)}")
    if not routes:
        lines += [line for guess in guesses for line in _guessed(guess)] or _call("ask", 'route = "ask"')
    return "\n".join(lines) + "\n"


def _guessed(guess: Guess) -> list[str]:
    name = guess.name.rpartition(".")[2].strip("_")
    if guess.method:
        route = f'route = "{name}"   # the route that ends in {guess.module}:{guess.name}'
        return _call(name, route)
    values = ", ".join(f'{argument} = "..."' for argument in guess.arguments)
    return [
        *_call(name, f"callable = {json.dumps(f'{guess.module}:{guess.name}')}"),
        f"input = {{ {values} }}" if values else "input = {}",
    ]


def _call(identity: str, form: str) -> list[str]:
    return ["", "[[tool.failhard.llm.calls]]", f"id = {json.dumps(identity)}", form]
