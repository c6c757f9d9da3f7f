"""Works out which place in the tree an expression names, as far as its text tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import delays as data
from pytest_failhard.source.module import last_part

if TYPE_CHECKING:
    from pytest_failhard.source.module import Module

HOPS = 12
UP = ".."
Place = tuple[str, ...]
"""Parts of a path from the root of the project; `..` in front leaves it, a first `/` is another place."""
ELSEWHERE: Place = ("/",)


def place(module: Module, node: ast.expr, hops: int = HOPS) -> Place | None:
    """Return the place that an expression names, None where its text does not tell.

    A relative text counts from the folder of the file: that is where a script is started.
    """
    value = module.value(node) if hops else None
    match value:
        case ast.Constant():
            return _text(value.value, PurePosixPath(module.path).parent.parts)
        case ast.Name(id="__file__"):
            return PurePosixPath(module.path).parts
        case ast.Call() | ast.BinOp():
            return _made(module, value, hops - 1)
        case ast.Attribute(value=owner, attr="parent"):
            return _up(place(module, owner, hops - 1))
        case ast.Subscript(
            value=ast.Attribute(value=owner, attr="parents"), slice=ast.Constant(value=int(at))
        ):
            return _up(place(module, owner, hops - 1), at + 1)
        case _:
            return None


def is_outside(found: Place) -> bool:
    """Tell whether a place lies outside the project."""
    return found[:1] == (UP,)


def is_absolute(found: Place) -> bool:
    """Tell whether a place is one of a machine, wherever the project lies."""
    return found[:1] == ELSEWHERE


def _text(value: object, start: Place) -> Place | None:
    if not isinstance(value, str) or not value:
        return None
    if PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute() or value[0] == "~":
        return ELSEWHERE
    return _below(start, PurePosixPath(value.replace("\\", "/")).parts)


def _below(start: Place, parts: Iterable[str]) -> Place:
    found = list(start)
    for part in parts:
        if part != UP:
            found.append(part)
        elif found and found[-1] not in {UP, *ELSEWHERE}:
            found.pop()
        elif found != list(ELSEWHERE):
            found.append(UP)
    return tuple(found)


def _up(found: Place | None, times: int = 1) -> Place | None:
    return _below(found, [UP] * times) if found is not None else None


def _made(module: Module, node: ast.Call | ast.BinOp, hops: int) -> Place | None:
    return _called(module, node, hops) if isinstance(node, ast.Call) else _operation(module, node, hops)


def _called(module: Module, call: ast.Call, hops: int) -> Place | None:
    name = last_part(call)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name in data.HOMES:
        return ELSEWHERE
    if owner is not None and name in data.RESOLVING:
        return place(module, owner, hops)
    if owner is not None and name == "joinpath":
        return _joined(module, place(module, owner, hops), call.args)
    return _function(module, name, call.args, hops) if call.args else None


def _function(module: Module, name: str, given: Sequence[ast.expr], hops: int) -> Place | None:
    first = place(module, given[0], hops)
    if name == "dirname":
        return _up(first)
    if name == "join":
        return _joined(module, first, given[1:])
    return first if name in data.SAME_PLACE else None


def _joined(module: Module, start: Place | None, more: Iterable[ast.expr]) -> Place | None:
    for each in more:
        text = module.text(each)
        if start is None or text is None:
            return None
        start = _text(text, start) if text else start
    return start


def _operation(module: Module, node: ast.BinOp, hops: int) -> Place | None:
    start, text = place(module, node.left, hops), module.text(node.right)
    if start is None or text is None:
        return None
    if isinstance(node.op, ast.Div):
        return _text(text, start)
    return _below(start, PurePosixPath(text).parts[1:]) if text.startswith("/") else None
