"""Tells which context managers of a file keep every exception of their block to themselves."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlings import Handling
from pytest_failhard.source.module import FunctionNode, Module, own_nodes


def is_manager(module: Module, handling: Handling) -> bool:
    """Tell whether a handler stands around the yield of a `@contextmanager`."""
    function = handling.function
    if function is None or not is_context_manager(module, function):
        return False
    return any(_holds_yield(statement) for statement in handling.attempt.body)


def keeps(body: Sequence[ast.stmt], name: str | None) -> bool:
    """Tell whether a body puts an exception where others find it: into an attribute or an item."""
    return any(
        isinstance(each, ast.Assign)
        and isinstance(each.value, ast.Name)
        and each.value.id == name
        and any(isinstance(target, ast.Attribute | ast.Subscript) for target in each.targets)
        for each in body
    )


def is_context_manager(module: Module, function: FunctionNode) -> bool:
    """Tell whether a generator is made a context manager."""
    return any(module.resolve(each) in data.CONTEXT_MANAGERS for each in function.decorator_list)


def _holds_yield(statement: ast.stmt) -> bool:
    return next(own_nodes(statement, ast.Yield), None) is not None


def hides_all(function: FunctionNode) -> bool:
    """Tell whether an `__exit__` says True whatever the exception is, and keeps it for nobody."""
    given = [each.arg for each in function.args.args]
    if any(keeps(function.body, name) for name in given[1:]):
        return False
    ends = list(own_nodes(function, ast.Return))
    last = function.body[-1]
    return (
        isinstance(last, ast.Return)
        and isinstance(last.value, ast.Constant)
        and last.value.value is True
        and all(isinstance(each.value, ast.Constant) and each.value.value is True for each in ends)
    )
