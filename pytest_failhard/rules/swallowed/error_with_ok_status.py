"""FH109: an HTTP answer that says error in its body and 200 in its status."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlings import answers, handlings
from pytest_failhard.rules.routes import is_route
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import carries_error, literal
from pytest_failhard.source.module import FunctionNode, Module, argument, last_part, own_nodes

FIX = "raise HTTPException with a status of 500 or more, or return the status with the body"


class ErrorWithOkStatus(StaticRule):
    """A route answers 200 and says in the body that it failed.

    Finds:
        A route whose handler of everything returns a body with an error, and neither a status code nor a
        response that has one; a health route that says it is unhealthy with 200.
    Why:
        Balancers, monitors, retries and clients read the status; for them all is well.
    Bad:
        @app.get("/answer")
        def answer():
            try:
                return ask()
            except Exception as error:
                return {"status": "error", "error": str(error)}
    Good:
        @app.get("/answer")
        def answer():
            try:
                return ask()
            except ProviderError as error:
                raise HTTPException(503) from error
    Exempt:
        Streams and websockets; `return body, 500`; a response with a status; `response.status_code = ...`.
    Evasions:
        `jsonify(...)` without a code; a dict in a name; a model instance with an error field; routes
        registered by `add_api_route` or `add_url_rule`; views that are classes.
    Measured:
        In sample: 8 of 8 true, 3 of them health checks; judged again on other code 1 of 1.
    """

    code = "FH109"
    name = "error-with-ok-status"
    gate = "fallbacks"
    family = "swallowed"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each body that says error with status 200."""
        for handling in handlings(module):
            function = handling.function
            if handling.swallows and function is not None and _answers_once(module, function):
                ends = [each for each in answers(handling.body) if isinstance(each, ast.Return)]
                if not _sets_status(handling.body) and any(
                    _is_error(module, end, handling.bound) for end in ends
                ):
                    yield self._hit(module, handling.node, function, handling.details)
        for route in chain.from_iterable(module.functions.values()):
            if data.HEALTH.search(route.name) and is_route(module, route):
                yield from self._unhealthy(module, route)

    def _hit(
        self, module: Module, node: ast.AST, function: FunctionNode, details: Mapping[str, str] | None = None
    ) -> Hit:
        message = f"{module.qualname(function)} answers 200 with an error in the body"
        return self.hit(module, node, message, FIX, details=details)

    def _unhealthy(self, module: Module, function: FunctionNode) -> Iterator[Hit]:
        if _sets_status(function.body):
            return
        for end in own_nodes(function, ast.Return):
            body = module.value(end.value) if end.value is not None else None
            if isinstance(body, ast.Dict) and not _in_handler(module, end) and _says_unhealthy(body):
                yield self._hit(module, end, function)


def _in_handler(module: Module, node: ast.AST) -> bool:
    return any(isinstance(above, ast.ExceptHandler) for above in module.ancestors(node))


def _says_unhealthy(body: ast.Dict) -> bool:
    return any(
        isinstance(key, ast.Constant) and key.value == "status" and any(map(_is_bad, _branches(value)))
        for key, value in zip(body.keys, body.values, strict=True)
    )


def _branches(value: ast.expr) -> Sequence[ast.expr]:
    return (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)


def _is_bad(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, str)
        and bool(data.BAD_STATUS.search(value.value))
    )


def _answers_once(module: Module, function: FunctionNode) -> bool:
    """Tell whether a function is a route whose answer is one body, neither a stream nor a websocket."""
    if data.STREAM.search(function.name) or any(data.STREAM.search(each.arg) for each in function.args.args):
        return False
    return is_route(module, function)


def _sets_status(body: Sequence[ast.stmt]) -> bool:
    return any(
        isinstance(target, ast.Attribute) and target.attr in {"status_code", "status"}
        for statement in body
        for each in (statement, *own_nodes(statement, ast.Assign))
        if isinstance(each, ast.Assign)
        for target in each.targets
    )


def _is_error(module: Module, end: ast.Return, bound: str | None) -> bool:
    if end.value is None:
        return False
    value = module.value(end.value)
    if isinstance(value, ast.Tuple) and len(value.elts) > 1:
        return _is_ok(module, value.elts[1]) and _says_error(module, value.elts[0], bound)
    if isinstance(value, ast.Call) and _gives_status(value):
        return False
    return _says_error(module, value, bound)


def _is_ok(module: Module, status: ast.expr) -> bool:
    known = module.value(status)
    return isinstance(known, ast.Constant) and known.value == data.OK_STATUS


def _gives_status(call: ast.Call) -> bool:
    return argument(call, 1 if last_part(call) != "jsonify" else None, "status_code", "status") is not None


def _says_error(module: Module, body: ast.expr, bound: str | None) -> bool:
    body = module.value(body)
    if isinstance(body, ast.Dict):
        return carries_error(module, body, bound)
    if not isinstance(body, ast.Call) or last_part(body).endswith(("Exception", "Error")):
        return False
    if last_part(body) in data.BODIES:
        return carries_error(module, body, bound) or _has_error_field(module, body)
    return last_part(body)[:1].isupper() and _has_error_field(module, body)


def _has_error_field(module: Module, call: ast.Call) -> bool:
    silent = {"none", "empty", "false"}
    return any(
        each.arg in data.ERROR_KEYS and literal(module, each.value) not in silent for each in call.keywords
    )
