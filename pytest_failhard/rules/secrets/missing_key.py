"""Finds a KeyError that is answered with a value of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_failhard.rules.data import secrets as data
from pytest_failhard.rules.environment import is_environment, key_text
from pytest_failhard.rules.handlers import caught
from pytest_failhard.source.module import Module, own_nodes


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What a handler answers where a key is absent."""

    handler: ast.ExceptHandler
    key: str
    default: ast.expr
    environment: bool


def missing(module: Module) -> Iterator[Missing]:
    """Yield each look-up in a `try` whose handler returns or assigns a value."""
    for attempt in module.nodes(ast.Try):
        for handler in attempt.handlers:
            default = _answer(handler)
            if isinstance(default, data.TEXTS) and data.NOT_FOUND.intersection(caught(module, handler.type)):
                for statement in attempt.body:
                    yield from _lookups(module, statement, handler, default)


def _answer(handler: ast.ExceptHandler) -> ast.expr | None:
    for statement in handler.body:
        if isinstance(statement, ast.Return | ast.Assign) and statement.value is not None:
            return statement.value
    return None


def _lookups(
    module: Module, statement: ast.stmt, handler: ast.ExceptHandler, default: ast.expr
) -> Iterator[Missing]:
    found = [(each.slice, each.value) for each in own_nodes(statement, ast.Subscript)]
    for call in own_nodes(statement, ast.Call):
        getter = module.value(call.func)
        made = isinstance(getter, ast.Call) and module.resolve(getter.func) == data.GETTER
        if isinstance(getter, ast.Call) and made and getter.args and call.args:
            found.append((getter.args[0], call.args[0]))
    for index, owner in found:
        key = key_text(module, index)
        yield Missing(handler=handler, key=key, default=default, environment=is_environment(module, owner))
