"""FH403: several models are asked in turn, and nobody is told which one answered."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from pytest_failhard.rules.data import waiting as data
from pytest_failhard.rules.handlers import raises
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.waiting.attribution import is_attributed
from pytest_failhard.source.module import (
    FUNCTIONS,
    FunctionNode,
    Module,
    argument,
    last_part,
    own_nodes,
    walk,
)

FIX = "ask one model, or return with the answer which one gave it"


class SilentModelCascade(StaticRule):
    """Several models or providers are asked in turn, and the answer does not say whose it is.

    Finds:
        A `for` loop over models, providers, LLMs or back ends with a `try` that returns or breaks on success
        and a handler that does not raise, where neither what is returned nor a log line after success
        carries the model.
    Why:
        Another model with other answers, costs and promises takes over, and no test and no user sees it.
    Bad:
        def answer(models, prompt):
            for model in models:
                try:
                    return ask(model, prompt)
                except ConnectionError:
                    continue
    Good:
        def answer(models, prompt):
            for model in models:
                try:
                    return {"text": ask(model, prompt), "model": model}
                except ConnectionError:
                    continue
    Exempt:
        A result with the name of the model or the provider; a log line that names it after success; probes
        that ask all and collect what each said.
    Evasions:
        A literal list of names; a `try` for each provider in the handler of the one before;
        `functools.reduce`; recursion over `models[1:]`.
    Measured:
        In sample, on projects that it was tuned on: of 2 judged findings 0 break the policy, 0 of
        them do harm.
    """

    code = "FH403"
    name = "silent-model-cascade"
    gate = "fallbacks"
    family = "waiting"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each cascade that does not say who answered."""
        for attempt in module.nodes(ast.Try):
            place = _loop(module, attempt) or _nested(module, attempt) or _recursion(module, attempt)
            if place is not None and _swallows(module, attempt):
                yield self._told(module, place)
        for call in module.calls.of(("reduce",)):
            if _reduces(module, call):
                yield self._told(module, call)

    def _told(self, module: Module, place: ast.AST) -> Hit:
        where = module.qualname(place) or "the module"
        return self.hit(
            module, place, f"{where} asks one model after the other and does not say which one answered", FIX
        )


def _swallows(module: Module, attempt: ast.Try) -> bool:
    return any(not raises(module, handler.body) for handler in attempt.handlers)


def _loop(module: Module, attempt: ast.Try) -> ast.AST | None:
    above = module.parent(attempt)
    while isinstance(above, ast.With | ast.AsyncWith | ast.If):
        above = module.parent(above)
    if not isinstance(above, ast.For | ast.AsyncFor) or not is_candidates(module, above.iter):
        return None
    statements = [*attempt.body, *attempt.orelse]
    if not any(_leaves(statement) for statement in statements):
        return None
    names = {each.id for each in walk(above.target) if isinstance(each, ast.Name)}
    return None if is_attributed(module, statements, names, _behind(module, above)) else above


def _behind(module: Module, loop: ast.AST) -> Sequence[ast.stmt]:
    """Return the statements after a loop: what a `break` leads to."""
    above = module.parent(loop)
    bodies = [value for _, value in ast.iter_fields(above)] if above is not None else []
    return [
        each
        for body in bodies
        if isinstance(body, list) and loop in body
        for each in body[body.index(loop) + 1 :]
    ]


def _leaves(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return | ast.Break):
        return True
    return not isinstance(statement, FUNCTIONS) and (
        next(own_nodes(statement, ast.Return, ast.Break), None) is not None
    )


def is_candidates(module: Module, node: ast.expr) -> bool:
    """Tell whether an iterable holds models or providers: by its name, or by the names in it."""
    node = _iterated(node)
    if data.CANDIDATES.search(last_part(node)):
        return True
    value = module.value(node)
    if not isinstance(value, ast.List | ast.Tuple):
        return False
    return any(_names_model(module, each) for each in value.elts)


def _iterated(node: ast.expr) -> ast.expr:
    """Return what is iterated over behind `enumerate`, `list`, `.items()` and slices."""
    while True:
        if isinstance(node, ast.Subscript):
            node = node.value
            continue
        if not isinstance(node, ast.Call) or last_part(node) not in data.ITERATORS:
            return node
        if node.args:
            node = node.args[0]
        elif isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            return node


def _names_model(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return any(_names_model(module, each) for each in node.elts)
    text = module.text(node)
    return text is not None and data.MODEL_TEXT.search(text) is not None


def _nested(module: Module, attempt: ast.Try) -> ast.AST | None:
    """Return an attempt with one provider whose handler attempts another."""
    inner = [each for handler in attempt.handlers for each in handler.body if isinstance(each, ast.Try)]
    if not inner or isinstance(module.parent(attempt), ast.ExceptHandler):
        return None
    first = _vendors([*attempt.body, *attempt.orelse])
    others = [second for each in inner if (second := _vendors(each.body)) and second != first]
    return attempt if first and others and _answers(module, attempt) else None


def _answers(module: Module, attempt: ast.Try) -> bool:
    statements = [*attempt.body, *attempt.orelse]
    return any(_leaves(each) for each in statements) and not is_attributed(module, statements, set(), ())


def _vendors(statements: Iterable[ast.stmt]) -> set[str]:
    """Return the providers whose names stand in the calls of statements."""
    found = set[str]()
    for statement in statements:
        for call in (each for each in walk(statement) if isinstance(each, ast.Call)):
            for name in _chain(call.func):
                found.update(each.lower() for each in data.VENDORS.findall(name))
    return found


def _chain(node: ast.expr) -> Iterator[str]:
    yield last_part(node)
    while isinstance(node, ast.Attribute):
        node = node.value
        yield last_part(node)


def _recursion(module: Module, attempt: ast.Try) -> ast.AST | None:
    """Return a call of the own function with the rest of the models."""
    function = module.function(attempt)
    if (
        function is None
        or not module.calls.of((function.name,))
        or not any(_leaves(each) for each in attempt.body)
    ):
        return None
    for handler in attempt.handlers:
        for call in own_nodes(handler, ast.Call):
            if last_part(call) == function.name and any(map(_is_rest, call.args)):
                return None if is_attributed(module, attempt.body, _heads(function), ()) else call
    return None


def _is_rest(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Slice)
        and data.CANDIDATES.search(last_part(node.value)) is not None
    )


def _heads(function: FunctionNode) -> set[str]:
    return {each.arg for each in function.args.args if data.CANDIDATES.search(each.arg)}


def _reduces(module: Module, call: ast.Call) -> bool:
    """Tell whether a call folds a function that swallows over the models."""
    if module.resolve(call.func) != data.REDUCE:
        return False
    function, over = argument(call, 0), argument(call, 1)
    if function is None or over is None or not is_candidates(module, over):
        return False
    return any(
        _swallows(module, attempt)
        for found in module.functions.get(last_part(function), ())
        for attempt in own_nodes(found, ast.Try)
    )
