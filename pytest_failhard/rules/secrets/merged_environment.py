"""Finds mappings of defaults that are merged with the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_failhard.rules.data import environment as data
from pytest_failhard.rules.environment import is_environment, key_text
from pytest_failhard.source.module import Module, last_part


@dataclass(frozen=True, kw_only=True)
class Default:
    """A key with its default, and the expression that merges it with the environment."""

    node: ast.expr
    key: str
    default: ast.expr


def merged(module: Module) -> Iterator[Default]:
    """Yield the defaults in `os.environ | {...}`, `{**D, **os.environ}`, `ChainMap` and `dict`."""
    for union in module.nodes(ast.BinOp):
        if isinstance(union.op, ast.BitOr):
            yield from _joined(module, union, [union.left, union.right])
    for display in module.nodes(ast.Dict):
        if None in display.keys:
            spread = [value for key, value in zip(display.keys, display.values, strict=True) if key is None]
            yield from _joined(module, display, [*spread, display])
    for call in module.calls.of(data.MERGER_NAMES):
        if module.resolve(call.func) in data.MERGERS:
            spread = [keyword.value for keyword in call.keywords if keyword.arg is None]
            yield from _joined(module, call, [*call.args, *spread])


def _joined(module: Module, node: ast.expr, parts: list[ast.expr]) -> Iterator[Default]:
    if not any(is_environment(module, part) for part in parts):
        return
    for part in parts:
        for key, value in _entries(module, module.value(part)):
            yield Default(node=node, key=key, default=value)


def _entries(module: Module, display: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(display, ast.Dict):
        for key, value in zip(display.keys, display.values, strict=True):
            if key is not None:
                yield key_text(module, key), value
    elif isinstance(display, ast.Call) and last_part(display) == "dict":
        for keyword in display.keywords:
            if keyword.arg is not None:
                yield keyword.arg, keyword.value
