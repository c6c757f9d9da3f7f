"""Tells whether an answer says which of several candidates gave it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from pytest_failhard.rules.data import waiting as data
from pytest_failhard.rules.handlers import is_log_call
from pytest_failhard.source.module import Module, last_part, own_nodes


def is_attributed(
    module: Module, statements: Sequence[ast.stmt], names: set[str], behind: Sequence[ast.stmt]
) -> bool:
    """Tell whether what succeeds returns, stores or logs the candidate.

    `statements` run until success, `names` are the candidate's, `behind` is what a `break` leads to.
    """
    asked = False
    for statement in statements:
        if is_log_call(statement):
            if asked and _mentions(statement, names):
                return True
            continue
        if _stores(statement, names):
            return True
        asked = True
    answers = [each for statement in (*statements, *behind) for each in _returned(statement)]
    return any(_carries(module, each, names) for each in answers)


def _returned(statement: ast.stmt) -> list[ast.expr]:
    own = [statement, *own_nodes(statement, ast.Return)] if not isinstance(statement, ast.FunctionDef) else []
    return [each.value for each in own if isinstance(each, ast.Return) and each.value is not None]


def _stores(statement: ast.stmt, names: set[str]) -> bool:
    """Tell whether the candidate is kept beside the answer: `result["model"] = model`, `used = model`."""
    for each in (statement, *own_nodes(statement, ast.Assign)):
        if isinstance(each, ast.Assign) and _is_candidate(each.value, names):
            return True
    return False


def _is_candidate(node: ast.expr, names: set[str]) -> bool:
    """Tell whether an expression is the candidate or something of it: `model`, `provider.name`."""
    if isinstance(node, ast.Call) and not node.args and isinstance(node.func, ast.Attribute):
        node = node.func.value
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id in names


def _carries(module: Module, answer: ast.expr, names: set[str]) -> bool:
    answer = answer.value if isinstance(answer, ast.Await) else answer
    answer = module.value(answer)
    if isinstance(answer, ast.Dict):
        return any(_is_key(each) for each in answer.keys) or any(
            _is_candidate(each, names) for each in answer.values
        )
    if isinstance(answer, ast.Tuple | ast.List):
        return any(_is_candidate(each, names) or _is_key(each) for each in answer.elts)
    if isinstance(answer, ast.Call):
        return _is_attributed_call(answer, names)
    return False


def _is_key(node: ast.expr | None) -> bool:
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and data.MODEL_KEYS.search(text) is not None


def _is_attributed_call(call: ast.Call, names: set[str]) -> bool:
    """Tell whether a new object is given the candidate, or the answer of an API names its model."""
    name = last_part(call)
    if name in data.CARRIERS:
        return True
    if not name[:1].isupper() and name != "dict":
        return False
    return any(
        _is_candidate(keyword.value, names)
        or (keyword.arg is not None and data.MODEL_KEYS.search(keyword.arg))
        for keyword in call.keywords
    ) or any(_is_candidate(each, names) for each in call.args)


def _mentions(statement: ast.stmt, names: set[str]) -> bool:
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(statement))
