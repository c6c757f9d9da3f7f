"""Tells whether a call bounds the time that it waits."""

from __future__ import annotations

import ast
import math

from pytest_failhard.rules.data import waiting as data
from pytest_failhard.source.module import FUNCTIONS, HOPS, Module, argument, last_part


def is_bounded(module: Module, call: ast.Call, position: int | None = None) -> bool:
    """Tell whether a call has a timeout that ends some day, or is handed one with `**`."""
    if any(keyword.arg is None for keyword in call.keywords):
        return True
    if position is not None and any(isinstance(each, ast.Starred) for each in call.args):
        return True
    given = argument(call, position, *data.TIMEOUTS)
    return given is not None and not is_endless(module, given)


def is_endless(module: Module, given: ast.expr) -> bool:
    """Tell whether a timeout is none: None, 0, infinity, or more than an hour."""
    value = module.value(given)
    if isinstance(value, ast.Constant) and value.value is None:
        return True
    seconds = _number(module, value)
    return seconds is not None and not 0 < seconds <= data.LONGEST_TIMEOUT_SECONDS


def says_none(module: Module, call: ast.Call) -> bool:
    """Tell whether a call switches its own timeout off."""
    given = argument(call, None, *data.TIMEOUTS)
    return given is not None and is_endless(module, given)


def _number(module: Module, node: ast.expr, hops: int = HOPS) -> float | None:
    node = module.value(node)
    if isinstance(node, ast.Constant):
        return float(node.value) if isinstance(node.value, int | float) else None
    if isinstance(node, ast.Call):
        return _called(module, node)
    if isinstance(node, ast.BinOp) and hops:
        left, right = _number(module, node.left, hops - 1), _number(module, node.right, hops - 1)
        return None if left is None or right is None else _computed(node.op, left, right)
    return math.inf if module.resolve(node) == "math.inf" else None


def _called(module: Module, call: ast.Call) -> float | None:
    text = module.text(call.args[0]) if last_part(call) == "float" and call.args else None
    return math.inf if text is not None and text.lower().lstrip("+").startswith("inf") else None


def _computed(operator: ast.operator, left: float, right: float) -> float | None:
    if isinstance(operator, ast.Mult):
        return left * right
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Pow):
        return math.inf if right > data.LONGEST_TIMEOUT_SECONDS else left**right
    return None


def is_awaited_with_bound(module: Module, node: ast.AST) -> bool:
    """Tell whether a call stands in `asyncio.wait_for(...)` or under `asyncio.timeout(...)`."""
    for above in module.ancestors(node):
        if isinstance(above, FUNCTIONS):
            return False
        if isinstance(above, ast.Call) and last_part(above) in data.BOUNDED_AWAITS:
            return True
        if isinstance(above, ast.AsyncWith | ast.With) and any(
            last_part(item.context_expr) in data.BOUNDED_AWAITS for item in above.items
        ):
            return True
    return False
