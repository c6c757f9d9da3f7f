"""Finds functions that hand a key and a default on to the environment, and calls that may be theirs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_failhard.rules.data import environment as data
from pytest_failhard.rules.environment import key_text, lookup
from pytest_failhard.rules.secret_values import is_secret_name
from pytest_failhard.source.index import body
from pytest_failhard.source.module import FunctionNode, Module, argument, walk


@dataclass(frozen=True, kw_only=True)
class Wrapper:
    """A function `name` (dotted) that hands a key and a default on to the environment."""

    node: FunctionNode
    name: str


@dataclass(frozen=True, kw_only=True)
class Use:
    """A call of a function of which this file does not tell what it does. `name` is dotted."""

    name: str
    key: ast.expr
    default: ast.expr


def defined(module: Module) -> Iterator[Wrapper]:
    """Yield the wrappers that a file defines."""
    for functions in module.functions.values():
        for function in functions:
            if _wraps(module, function):
                yield Wrapper(node=function, name=f"{module.name}.{module.qualname(function)}")


def _wraps(module: Module, function: FunctionNode) -> bool:
    statements = body(function)
    if len(statements) != 1 or not isinstance(statements[0], ast.Return) or statements[0].value is None:
        return False
    given = {
        each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    }
    for call in walk(statements[0].value):
        if isinstance(call, ast.Call | ast.Subscript):
            read = lookup(module, call)
            if read is not None and isinstance(read.default, ast.Name) and read.default.id in given:
                return True
    return False


def used(module: Module, call: ast.Call) -> Use | None:
    """Return the key and the default that a call hands over, None for a call of another shape."""
    if not call.args or len(call.args) + len(call.keywords) < data.WRAPPED_ARGUMENTS:
        return None
    key, default = call.args[0], argument(call, 1, *data.WRAPPED_NAMES)
    if not isinstance(key, ast.Constant | ast.Name | ast.JoinedStr) or not isinstance(default, data.TEXTS):
        return None
    if not is_secret_name(key_text(module, key)):
        return None
    name = module.resolve(call.func)
    if not name:
        return None
    if name.startswith("self."):
        owner = module.qualname(call).partition(".")[0]
        name = f"{owner}.{name.removeprefix('self.')}"
    return Use(name=name, key=key, default=default)


def is_use(name: str, wrapper: str) -> bool:
    """Tell whether a name, as it stands where it is called, is that of a wrapper."""
    return f".{wrapper}".endswith(f".{name}") or f".{name}".endswith(f".{wrapper}")
