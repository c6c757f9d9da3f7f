"""Tells which functions answer HTTP requests: by decorator, by registration, or as methods of a view."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.kept import once
from pytest_failhard.source.module import FunctionNode, Module, argument, last_part


def is_route(module: Module, function: FunctionNode) -> bool:
    """Tell whether a function answers HTTP requests."""
    if any(
        isinstance(each, ast.Call) and last_part(each) in data.ROUTE_VERBS for each in function.decorator_list
    ):
        return True
    owner = module.class_of(function)
    if owner is not None and function.name in data.VIEW_METHODS:
        return any(data.VIEW_BASE.search(last_part(base)) for base in owner.bases)
    return function.name in _registered(module)


@once
def _registered(module: Module) -> frozenset[str]:
    return frozenset(_names(module))


def _names(module: Module) -> Iterator[str]:
    for call in module.calls.of(data.REGISTRATIONS):
        given = argument(call, 1, "endpoint", "view_func", "handler", "route")
        for view in (given, argument(call, 2, "view_func")):
            if view is not None:
                yield last_part(view)
