"""Recognizes where code reads the environment of its process."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from pytest_failhard.rules.data import environment as data
from pytest_failhard.source.module import HOPS, Module, argument, last_part

SUMMANDS = 2
"""How deep sums are looked into for the part of a key that is certain."""


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A variable of the environment that is read. `key` is its name as far as it is certain."""

    node: ast.expr
    key: str
    default: ast.expr | None
    required: bool = False
    """Whether reading it fails where it is absent."""


def lookup(module: Module, node: ast.expr) -> Lookup | None:
    """Return what an expression reads from the environment, None where it does not."""
    if isinstance(node, ast.Subscript):
        if not isinstance(node.ctx, ast.Load) or not is_environment(module, node.value):
            return None
        return Lookup(node=node, key=key_text(module, node.slice), default=None, required=True)
    if not isinstance(node, ast.Call) or not (node.args or node.keywords) or not _reads(module, node):
        return None
    first = argument(node, 0, "key", "name", "var")
    if first is None:
        return None
    return Lookup(node=node, key=key_text(module, first), default=argument(node, 1, *data.DEFAULT_NAMES))


def _reads(module: Module, call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Attribute):
        if function.attr not in data.READING:
            return False
        if function.attr in data.METHODS and is_environment(module, function.value):
            return True
        if last_part(function.value) in data.READER_OBJECTS and function.attr in data.READER_METHODS:
            return True
        return function.attr in data.READER_NAMES or module.resolve(function) in data.READERS
    if not isinstance(function, ast.Name):
        return False
    return function.id in data.READER_NAMES or _is_reader(module, function)


def _is_reader(module: Module, name: ast.Name) -> bool:
    """Tell whether a plain name is a function that reads: `getenv` under another name, `Config()`."""
    imported = module.imports.get(name.id)
    if imported is None:
        bound = module.value(name)
        if isinstance(bound, ast.Call):
            return last_part(bound) in data.READER_CLASSES and _package(module, bound) in data.READER_PACKAGES
        imported = module.resolve(bound) if isinstance(bound, ast.Attribute) else ""
    return imported in data.READERS or _is_method(imported)


def _is_method(resolved: str) -> bool:
    owner, _, method = resolved.rpartition(".")
    return owner in data.MAPPINGS and method in data.METHODS


def _package(module: Module, call: ast.Call) -> str:
    return module.resolve(call.func).partition(".")[0]


def is_environment(module: Module, node: ast.expr) -> bool:
    """Tell whether an expression is the environment, or a copy of it."""
    for _ in range(HOPS):
        if isinstance(node, ast.Name | ast.Attribute) and module.resolve(node) in data.MAPPINGS:
            return True
        node = module.value(node)
        if not isinstance(node, ast.Call) or last_part(node) not in data.COPIES:
            return False
        if isinstance(node.func, ast.Attribute) and not node.args:
            node = node.func.value
        elif node.args:
            node = node.args[0]
        else:
            return False
    return False


def key_text(module: Module, node: ast.expr, hops: int = SUMMANDS) -> str:
    """Return the text of a key; what is computed in an f-string or a sum counts as nothing."""
    certain = module.text(node)
    if certain is not None:
        return certain
    node = module.value(node)
    if isinstance(node, ast.JoinedStr):
        return "".join(key_text(module, part, 0) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and hops:
        return key_text(module, node.left, hops - 1) + key_text(module, node.right, hops - 1)
    return ""
