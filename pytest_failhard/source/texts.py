"""Puts together the text that an expression certainly is: names, f-strings, sums, joins."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.source.module import Module


def certain_text(module: Module, node: ast.expr | None, hops: int) -> str | None:
    """Return the text that an expression certainly is, through at most so many steps; None for none."""
    if node is None or hops == 0:
        return None
    node = module.value(node)
    if isinstance(node, ast.Constant):
        return _constant_text(node.value)
    if isinstance(node, ast.FormattedValue):
        plain = node.conversion == -1 and not node.format_spec
        return certain_text(module, node.value, hops - 1) if plain else None
    if isinstance(node, ast.Call):
        return _method_text(module, node, node.func, hops) if isinstance(node.func, ast.Attribute) else None
    parts = _parts(node)
    return _joined(module, parts, "", hops) if parts else None


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.JoinedStr):
        return node.values
    return [node.left, node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) else []


def _constant_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _method_text(module: Module, call: ast.Call, method: ast.Attribute, hops: int) -> str | None:
    base = certain_text(module, method.value, hops - 1)
    if base is None:
        return None
    if method.attr in {"decode", "encode", "strip"}:
        return base
    parts = module.value(call.args[0]) if method.attr == "join" and len(call.args) == 1 else None
    if isinstance(parts, ast.List | ast.Tuple):
        return _joined(module, parts.elts, base, hops)
    return None


def _joined(module: Module, parts: Sequence[ast.expr], separator: str, hops: int) -> str | None:
    texts: list[str] = []
    for part in parts:
        text = certain_text(module, part, hops - 1)
        if text is None:
            return None
        texts.append(text)
    return separator.join(texts)
