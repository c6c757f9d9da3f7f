"""Reads tests that ask whether a key, a client or a model is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_failhard.rules.data import mocks as data
from pytest_failhard.source.module import FUNCTIONS, Module, last_part


def absent(test: ast.expr, module: Module) -> bool:
    """Tell whether a test is true because what is needed is missing; any part of `and` and `or` will do."""
    if isinstance(test, ast.BoolOp):
        return any(absent(each, module) for each in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return present(test.operand, module)
    return _compares(test, module, (ast.Is, ast.Eq))


def present(test: ast.expr, module: Module) -> bool:
    """Tell whether a test is true because what is needed is there; any part of `and` and `or` will do."""
    if isinstance(test, ast.BoolOp):
        return any(present(each, module) for each in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return absent(test.operand, module)
    return _compares(test, module, (ast.IsNot, ast.NotEq)) or _is_needed(test, module)


def _compares(test: ast.expr, module: Module, operators: tuple[type[ast.cmpop], ...]) -> bool:
    """Tell whether a needed thing is compared with None, False or an empty text."""
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], operators)
        and isinstance(test.comparators[0], ast.Constant)
        and repr(test.comparators[0].value) in data.ABSENT
        and _is_needed(test.left, module)
    )


def _is_needed(node: ast.expr, module: Module) -> bool:
    if isinstance(node, ast.NamedExpr):
        return _is_needed(node.target, module) or _is_needed(node.value, module)
    names = list(_names(node, module))
    if names and names[0] in data.NO_GUARD:
        return False
    if not any(name and data.GUARD.search(name) for name in names):
        return False
    return not (isinstance(node, ast.Name) and (_is_optional(node, module) or _is_of_request(node, module)))


def _names(node: ast.expr, module: Module) -> Iterator[str]:
    """Yield the names under which a tested value may be known: its own, and the key it is read from."""
    if isinstance(node, ast.Name | ast.Attribute):
        yield _dotted(node)
        value = module.value(node)
        if isinstance(value, ast.Call | ast.Subscript):
            yield from _looked_up(value, module)
    elif isinstance(node, ast.Subscript):
        yield from _looked_up(node, module)
    elif isinstance(node, ast.Call):
        if _dotted(node.func) in data.OWN_SWITCHES:
            return
        if last_part(node) in data.GUARD_CALLS and not (node.args or node.keywords):
            yield f"service.{last_part(node)}" if last_part(node) != "has_key" else "api_key"
        yield from _looked_up(node, module)


def _looked_up(node: ast.Call | ast.Subscript, module: Module) -> Iterator[str]:
    """Yield the key of `settings["key"]`, `os.getenv("KEY")`, `getattr(self, "client", None)`."""
    if isinstance(node, ast.Subscript):
        yield module.text(node.slice) or ""
    elif last_part(node) in data.DEFAULT_CALLS:
        yield from (module.text(each) or "" for each in node.args[:2])


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def _is_of_request(name: ast.Name, module: Module) -> bool:
    """Tell whether a name holds the credentials that a request came with, or without."""
    value = module.value(name)
    return (
        name.id == data.CREDENTIALS
        and isinstance(value, ast.Call)
        and any(last_part(each) == data.REQUEST for each in value.args)
    )


def _is_optional(name: ast.Name, module: Module) -> bool:
    """Tell whether a name is a parameter that carries what a request may come without."""
    function = module.function(name)
    if not isinstance(function, FUNCTIONS):
        return False
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    notes = [each.annotation for each in given if each.arg == name.id and each.annotation is not None]
    return any(last_part(part) in data.OPTIONAL_AUTH for note in notes for part in (note, *ast.walk(note)))
