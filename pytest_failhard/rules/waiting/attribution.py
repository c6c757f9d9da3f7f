"""Tells whether an answer says which of several candidates gave it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from pytest_failhard.rules.data import waiting as data
from pytest_failhard.rules.handlers import is_log_call
from pytest_failhard.source.module import FunctionNode, Module, last_part, own_nodes

HOPS = 2
"""Through how many functions of the file an answer is followed."""


def is_attributed(
    module: Module, statements: Sequence[ast.stmt], names: set[str], behind: Sequence[ast.stmt]
) -> bool:
    """Tell whether what succeeds returns, stores or logs the candidate.

    `statements` run until success, `names` are the candidate's, `behind` is what a `break` leads to.
    """
    if statements and _says_so(module, module.function(statements[0])):
        return True
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


def _says_so(module: Module, function: FunctionNode | None) -> bool:
    """Tell whether a function returns a class of this file that has a field for the candidate."""
    promised = "" if function is None or function.returns is None else last_part(function.returns)
    return any(
        isinstance(field, ast.AnnAssign) and data.MODEL_KEYS.search(last_part(field.target)) is not None
        for each in module.nodes(ast.ClassDef)
        if each.name == promised
        for field in each.body
    )


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


def _carries(module: Module, answer: ast.expr, names: set[str], hops: int = HOPS) -> bool:
    answer = answer.value if isinstance(answer, ast.Await) else answer
    answer = module.value(answer)
    answer = answer.value if isinstance(answer, ast.Await) else answer
    if _is_candidate(answer, names):
        return True
    if isinstance(answer, ast.Dict):
        return any(_is_key(each) for each in answer.keys) or any(
            _is_candidate(each, names) for each in answer.values
        )
    if isinstance(answer, ast.Tuple | ast.List):
        return any(_is_candidate(each, names) or _is_key(each) for each in answer.elts)
    if isinstance(answer, ast.Call):
        return _is_attributed_call(answer, names) or (hops > 0 and _returns(module, answer, hops))
    return False


def _returns(module: Module, call: ast.Call, hops: int) -> bool:
    """Tell whether a function of this file names the candidate in all that it returns."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is not None and last_part(owner) not in data.SELF:
        return False
    found = module.functions.get(last_part(call), ())
    answers = [each for function in found for each in own_nodes(function, ast.Return)]
    return (
        len(found) == 1
        and bool(answers)
        and all(each.value is not None and _carries(module, each.value, set(), hops - 1) for each in answers)
    )


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
