"""Writes down, as numbers, which literals the tests of a file put next to one another."""

from __future__ import annotations

import ast
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_failhard.source.module import children

if TYPE_CHECKING:
    from pytest_failhard.source.module import Module

TRIVIAL = frozenset({-1, 0, 1, 2, "", b""})
"""Values that say nothing about a case: every program has them."""
MOST = 6
"""More literals than that side by side are data, no case."""


def written(module: Module) -> frozenset[int]:
    """Return the hashes of the literals in asserts, tuples and dict items, alone and in pairs."""
    return frozenset(_hashes(_groups(module)))


def _hashes(groups: Iterable[list[object]]) -> Iterator[int]:
    for group in groups:
        numbers = [one(value) for value in group]
        yield from numbers
        if len(numbers) <= MOST:
            # What `pair` returns for the literals of these numbers.
            yield from map(hash, itertools.permutations(numbers, 2))


def _groups(module: Module) -> Iterator[list[object]]:
    for each in module.nodes(ast.Assert):
        yield list(literals(each))
    for row in module.nodes(ast.Tuple):
        if len(row.elts) <= MOST and isinstance(row.ctx, ast.Load):
            yield list(literals(row))
    for table in module.nodes(ast.Dict):
        for key, value in zip(table.keys, table.values, strict=True):
            # An input and its answer: the words of a document are neither.
            if literal(key) is not None and literal(value) is not None:
                yield [literal(key), literal(value)]


def literals(node: ast.AST) -> Iterator[object]:
    """Yield the literals below a node that say something; not those of a whole table."""
    work = [node]
    for each in work:
        # More than a case can hold: a table of its own.
        if len(work) > MOST**3:
            return
        kind = type(each)
        if kind is ast.Constant or kind is ast.UnaryOp:
            value = literal(each)
            if value is not None:
                yield value
                continue
        if kind is not ast.Name:
            work.extend(children(each))


def literal(node: ast.AST | None) -> object:
    """Return the number or text that a node is, None for all else and for what is trivial."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = literal(node.operand)
        return -inner if isinstance(inner, int | float) else None
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, int | float | str | bytes) or value in TRIVIAL:
        return None
    return value


def one(value: object) -> int:
    """Return the number of a literal, the same in every process."""
    kind = type(value).__name__
    if isinstance(value, str | bytes):
        data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(data, digest_size=8, person=kind.encode()).digest())
    # That of a number is the same everywhere, that of a text in one process alone.
    return hash((kind == "float", hash(value)))


def pair(first: object, second: object) -> int:
    """Return the number of two literals in this order."""
    return hash((one(first), one(second)))
