"""Decides a test of platform or version as the target interpreter would."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

Value = str | int | tuple[int, ...]

_MARKERS = {
    "sys.platform": "sys_platform",
    "os.name": "os_name",
    "platform.system()": "platform_system",
    "platform.python_implementation()": "platform_python_implementation",
    "sys.implementation.name": "implementation_name",
}
_COMPARED: Mapping[type[ast.cmpop], Callable[[object, object], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ORDERED: Mapping[type[ast.cmpop], Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def is_taken(test: ast.expr, markers: Mapping[str, str]) -> bool | None:
    """Tell whether the target takes the branch, None where that depends on more than the target."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = is_taken(test.operand, markers)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        return _joined(test, markers)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(test, markers)
    if isinstance(test, ast.Call):
        return _begins(test, markers)
    return None


def _joined(test: ast.BoolOp, markers: Mapping[str, str]) -> bool | None:
    parts = [is_taken(each, markers) for each in test.values]
    decisive = isinstance(test.op, ast.Or)
    if decisive in parts:
        return decisive
    return None if None in parts else not decisive


def _compared(test: ast.Compare, markers: Mapping[str, str]) -> bool | None:
    left, right = _known(test.left, markers), _literal(test.comparators[0])
    kind = type(test.ops[0])
    if left is None or right is None:
        return None
    if kind in _COMPARED and type(left) is type(right):
        return _COMPARED[kind](left, right)
    if kind in _ORDERED:
        return _ORDERED[kind](_numbers(left), _numbers(right)) if _numbers(left) and _numbers(right) else None
    return None


def _numbers(value: Value) -> tuple[int, ...]:
    if isinstance(value, tuple):
        return value
    return (value,) if isinstance(value, int) else ()


def _known(node: ast.expr, markers: Mapping[str, str]) -> Value | None:
    """Return what the target makes of an expression about itself."""
    if isinstance(node, ast.Subscript):
        version = _known(node.value, markers)
        return _part(version, node.slice) if isinstance(version, tuple) else None
    if not isinstance(node, ast.Attribute | ast.Name | ast.Call):
        return None
    text = ast.unparse(node)
    if text in {"sys.version_info", "version_info"}:
        return _version(markers)
    if text in {"sys.version_info.major", "sys.version_info.minor"}:
        return _version(markers)[text.endswith("minor")]
    return markers.get(_MARKERS.get(text, ""))


def _version(markers: Mapping[str, str]) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", markers["python_full_version"])[:3])


def _part(version: tuple[int, ...], index: ast.expr) -> Value | None:
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        return version[index.value] if index.value in {0, 1} else None
    if isinstance(index, ast.Slice) and isinstance(index.upper, ast.Constant) and index.lower is None:
        upper = index.upper.value
        return version[:upper] if isinstance(upper, int) else None
    return None


def _literal(node: ast.expr) -> Value | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
        return node.value
    if isinstance(node, ast.Tuple):
        numbers = [each.value for each in node.elts if isinstance(each, ast.Constant)]
        whole = tuple(number for number in numbers if isinstance(number, int))
        return whole if len(whole) == len(node.elts) else None
    return None


def _begins(call: ast.Call, markers: Mapping[str, str]) -> bool | None:
    """Decide `sys.platform.startswith("win")`."""
    function = call.func
    if not (isinstance(function, ast.Attribute) and function.attr == "startswith" and len(call.args) == 1):
        return None
    known, prefix = _known(function.value, markers), _literal(call.args[0])
    return known.startswith(prefix) if isinstance(known, str) and isinstance(prefix, str) else None
