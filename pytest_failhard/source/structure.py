"""Tells from a module's syntax tree which of its lines can run, handle errors, or only declare."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_failhard.source.tree import inner_statements, walk

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FLAG = "TYPE_CHECKING"
TYPING = frozenset({"typing", "typing_extensions"})


@dataclass(frozen=True, kw_only=True)
class Structure:
    """The lines of a module, by what stands on them."""

    executable: bool
    """Whether there is any statement beside docstrings and other bare constants."""
    outside: frozenset[int]
    """Lines that declare and never run: they stand outside the count of coverage."""
    stubs: frozenset[int]
    """First lines of stubs: where the body stands there too, coverage sees two ways out of the line."""
    handlers: frozenset[int]
    """The lines of the bodies of `except` clauses."""
    first: Mapping[int, int]
    """Each line of a statement -> the line on which the statement begins; a header is its own."""

    @classmethod
    def of(cls, module: ast.Module) -> Structure:
        """Return the structure of a parsed module."""
        parts = _parts(module)
        handlers = [part for part in parts if isinstance(part, ast.ExceptHandler)]
        nodes = [part for part in parts if isinstance(part, ast.stmt)]
        flags = _flags(module, nodes)
        return cls(
            executable=not all(map(_is_constant, nodes)),
            outside=frozenset(line for node in nodes for line in _outside(node, flags)),
            stubs=frozenset(node.lineno for node in nodes if isinstance(node, FUNCTIONS) and _is_stub(node)),
            handlers=frozenset(line for handler in handlers for line in _span(handler.body)),
            first={line: start for node in nodes for line, start in _own(node)},
        )


def _parts(module: ast.Module) -> list[ast.AST]:
    """Return all statements, outer ones before inner ones, with the clauses that hold some."""
    found = inner_statements(module)
    for each in found:
        found += inner_statements(each)
    return found


def _flags(module: ast.Module, nodes: Iterable[ast.stmt]) -> set[str]:
    """Return how the module spells typing's TYPE_CHECKING; one of its own making proves nothing."""
    flags: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module in TYPING:
            flags.update(name.asname or name.name for name in node.names if name.name == FLAG)
        elif isinstance(node, ast.Import):
            flags.update(f"{name.asname or name.name}.{FLAG}" for name in node.names if name.name in TYPING)
    # What binds names stands in expressions too, and there are many of them.
    names = (node for node in walk(module) if isinstance(node, ast.Name)) if flags else ()
    return flags - {name.id for name in names if not isinstance(name.ctx, ast.Load)}


def _outside(node: ast.AST, flags: set[str]) -> Iterator[int]:
    if isinstance(node, ast.If) and isinstance(node.test, (ast.Name, ast.Attribute)):
        if ast.unparse(node.test) in flags:
            yield node.lineno
            yield from _span(node.body)
    elif isinstance(node, FUNCTIONS) and _is_stub(node) and node.body[-1].lineno > node.lineno:
        yield from _span(node.body[-1:])
    elif isinstance(node, ast.Raise) and _is_not_implemented(node.exc):
        yield from _span([node])


def _is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    *before, last = function.body
    return all(map(_is_constant, before)) and _is_constant(last, of=type(...))


def _is_not_implemented(raised: ast.expr | None) -> bool:
    called = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(called, ast.Name) and called.id == "NotImplementedError"


def _is_constant(node: ast.stmt, of: type = object) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, of)


def _span(body: Iterable[ast.stmt]) -> Iterator[int]:
    for node in body:
        yield from range(_begin(node), (node.end_lineno or node.lineno) + 1)


def _begin(node: ast.stmt) -> int:
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return node.lineno


def _own(node: ast.stmt) -> Iterator[tuple[int, int]]:
    """Yield the lines of a statement without those of the statements in it, decorators apart."""
    parts = inner_statements(node)
    places = [part.pattern if isinstance(part, ast.match_case) else part for part in parts]
    inner = min([vars(place)["lineno"] for place in places], default=0)
    end = inner - 1 if inner > node.lineno else (node.end_lineno or node.lineno)
    if not inner or inner > node.lineno:
        yield from ((line, node.lineno) for line in range(node.lineno, end + 1))
