"""FV2: a check that asks a server which it has made itself."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_failhard.rules.contact import reach
from pytest_failhard.rules.data import validation as data
from pytest_failhard.rules.meeting import OTHERS, SERVES, ValidationRule
from pytest_failhard.rules.validating import check_functions, is_validation
from pytest_failhard.source.module import last_part, walk

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import FunctionNode, Module


class OwnApp(ValidationRule):
    """A check builds a server application and directs its requests at it.

    Finds:
        In a validation file a check that, with the helpers and fixtures it uses, constructs an
        application (Flask, FastAPI, Starlette, aiohttp, `http.server` and others), sends requests and
        leads to nothing of the project: no product route can be mounted.
    Why:
        A load test of ten lines written for it says how fast those ten lines are.
    Bad:
        # file: tests/test_load.py
        from fastapi import FastAPI
        from fastapi.testclient import TestClient

        def test_fifty_users():
            app = FastAPI()

            @app.get("/health")
            def health():
                return {"status": "ok"}

            client = TestClient(app)
            assert all(client.get("/health").status_code == 200 for _ in range(50))
    Good:
        # file: tests/test_load.py
        from fastapi.testclient import TestClient

        from shop.main import app

        def test_fifty_users():
            client = TestClient(app)
            assert all(client.get("/health").status_code == 200 for _ in range(50))
        # file: shop/main.py
        app = None
    Exempt:
        A stand-in for another service that product code asks; an extension or middleware of the project
        on an application made for the test.
    Evasions:
        The application in a helper, a fixture or at the level of the module; `http.server` in a thread.
        Not seen: a server written on sockets.
    Measured:
        2 hits in 1 of 30 projects, both harmful.
    """

    code = "FV2"
    name = "own-app"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each check that asks an application of the file's own."""
        if not is_validation(module) or not serves(module):
            return
        for check in check_functions(module):
            made = next(_made(module, check), None)
            if made is not None and _asks(module, check):
                others = " ".join(sorted(reach(module).others(check)))
                yield self.hit(
                    module,
                    check,
                    f"{module.qualname(check)} sends its requests to {last_part(made)}, made in this file",
                    "direct them at the product's own application",
                    line=check.lineno,
                    identity="check",
                    details={OTHERS: others, SERVES: "1"},
                )


def serves(module: Module) -> bool:
    """Tell cheaply whether a file constructs a server application."""
    return (
        any(each in module.data for each in data.SERVING_BYTES) and next(_servers(module), None) is not None
    )


def _servers(module: Module) -> Iterator[ast.Call]:
    for call in module.calls.of(data.APPLICATION_WORDS):
        if module.resolve(call.func) in data.APPLICATIONS:
            yield call


def _made(module: Module, check: FunctionNode) -> Iterator[ast.Call]:
    """Yield the applications that a check leads to: made in it, in a helper, or by the module itself."""
    reached = reach(module)
    below = frozenset(reached.below(check))
    for call in _servers(module):
        unit = reached.unit(call)
        if unit in below or (unit is None and _uses(module, call, below)):
            yield call


def _uses(module: Module, call: ast.Call, below: Iterable[FunctionNode]) -> bool:
    above = module.parent(call)
    names = {each.id for each in getattr(above, "targets", ()) if isinstance(each, ast.Name)}
    return any(isinstance(node, ast.Name) and node.id in names for each in below for node in walk(each))


def _asks(module: Module, check: FunctionNode) -> bool:
    """Tell whether a check, or a helper of it, sends requests."""
    reached = reach(module)
    below = frozenset(reached.below(check))
    names = [*module.calls.of(data.CLIENTS), *module.calls.of(data.REQUESTS)]
    return any(reached.unit(call) in below and _is_request(module, call) for call in names)


def _is_request(module: Module, call: ast.Call) -> bool:
    if last_part(call) in data.CLIENTS:
        return True
    owner = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    if module.resolve(owner).partition(".")[0] in data.ASKING:
        return True
    return isinstance(owner, ast.Name) and any(
        word in owner.id.lower() for word in ("session", "client", "conn")
    )
