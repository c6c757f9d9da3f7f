"""Tells what kind of made-up value an expression is, and whether a value carries an error."""

from __future__ import annotations

import ast

from pytest_failhard.rules.data import values as data
from pytest_failhard.source.index import body
from pytest_failhard.source.module import Module, argument, last_part, walk

HOPS = 4
"""How deep values are looked into, and through how many functions."""


def literal(module: Module, node: ast.expr | None, hops: int = HOPS) -> str:
    """Return the kind of a literal: `none`, `true`, `false`, `empty`, `const`, `data`; empty for no literal.

    Seen through a walrus, names bound once, `.copy()`, an empty display times a number, a conditional of
    literals, wrappers such as `Result.ok([])`, and a call of a lambda or of a function of the file whose
    whole body returns a literal.
    """
    if node is None:
        return "none"
    node = module.value(node)
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.UnaryOp):
        return _negated(module, node, hops - 1) if hops else ""
    if isinstance(node, ast.Call):
        return _called(module, node, hops) if hops else ""
    return _displayed(module, node, hops)


def _displayed(module: Module, node: ast.expr, hops: int) -> str:
    if isinstance(node, ast.JoinedStr):
        return "" if any(isinstance(part, ast.FormattedValue) for part in node.values) else "const"
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return _collection(module, node.elts, hops)
    if isinstance(node, ast.Dict):
        return _collection(module, node.values, hops)
    return _combined(module, node, hops - 1) if hops else ""


def _combined(module: Module, node: ast.expr, hops: int) -> str:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return literal(module, node.left, hops)
    if isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse]
    else:
        parts = list(reversed(node.values)) if isinstance(node, ast.BoolOp) else []
    kinds = [literal(module, part, hops) for part in parts]
    return kinds[0] if kinds and all(kinds) else ""


def _constant(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is ...:
        return ""
    return "const" if value else "empty"


def _negated(module: Module, node: ast.UnaryOp, hops: int) -> str:
    kind = literal(module, node.operand, hops)
    if isinstance(node.op, ast.Not):
        return {"true": "false", "const": "false", "data": "false", "": ""}.get(kind, "true")
    return kind


def _collection(module: Module, elements: list[ast.expr], hops: int) -> str:
    if not elements:
        return "empty"
    if not hops:
        return ""
    return "data" if all(literal(module, each, hops - 1) for each in elements) else ""


def _called(module: Module, call: ast.Call, hops: int) -> str:
    if not call.args and not call.keywords and last_part(call) in data.EMPTY_CALLS:
        return "empty"
    name = module.resolve(call.func)
    if name == "dict" and not call.args:
        return _collection(module, [each.value for each in call.keywords], hops)
    given = _handed_back(call, name)
    return literal(module, given, hops - 1) if given is not None else _returned(module, call, hops)


def _handed_back(call: ast.Call, name: str) -> ast.expr | None:
    """Return what a call hands back or wraps; None for a call that makes something of its own."""
    if isinstance(call.func, ast.Lambda):
        return call.func.body
    if len(call.args) == 1 and (name in data.COPYING or last_part(call) in data.WRAPPERS):
        return call.args[0]
    if name in data.PASSING:
        position, keyword = data.PASSING[name]
        return argument(call, position, keyword) or ast.Constant(None)
    return _of_method(call, call.func) if isinstance(call.func, ast.Attribute) else None


def _of_method(call: ast.Call, method: ast.Attribute) -> ast.expr | None:
    if method.attr == "copy" and not call.args:
        return method.value
    if method.attr == "get" and isinstance(method.value, ast.Call) and not method.value.args:
        # Nobody looks up a name of their own in `locals()` but to have a default for it.
        looked_up = last_part(method.value) in {"locals", "vars"}
        return (argument(call, 1) or ast.Constant(None)) if looked_up else None
    return None


def _returned(module: Module, call: ast.Call, hops: int) -> str:
    """Return the kind of literal that a function of this file always returns."""
    name = last_part(call)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is not None and not (isinstance(owner, ast.Name) and owner.id in {"self", "cls"}):
        return ""
    found = module.functions.get(name, ())
    if len(found) != 1:
        return ""
    left = body(found[0])
    if len(left) != 1 or not isinstance(left[0], ast.Return):
        return ""
    return literal(module, left[0].value, hops - 2) if hops > 1 else ""


def carries_error(module: Module, node: ast.expr | None, bound: str | None) -> bool:
    """Tell whether a value visibly carries the error: the name bound by `as`, or a text that says so.

    An error key whose value is None, empty or False says nothing.
    """
    if node is None:
        return False
    silent: set[ast.AST] = set(_silent(module, node))
    for each in walk(node):
        if isinstance(each, ast.Name) and bound is not None and each.id == bound:
            return True
        if each in silent or not isinstance(each, ast.Constant) or not isinstance(each.value, str):
            continue
        if data.ERROR_TEXT.search(each.value):
            return True
    return False


def _silent(module: Module, node: ast.expr) -> list[ast.expr]:
    return [
        key
        for each in walk(node)
        if isinstance(each, ast.Dict)
        for key, value in zip(each.keys, each.values, strict=True)
        if key is not None and literal(module, value) in {"none", "empty", "false"}
    ]
