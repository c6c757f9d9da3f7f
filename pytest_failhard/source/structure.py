"""Tells from a module's syntax tree which of its lines can run, handle errors, or only declare."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

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
        nodes = list(ast.walk(module))
        handlers = [node for node in nodes if isinstance(node, ast.ExceptHandler)]
        flags = _flags(nodes)
        return cls(
            executable=any(isinstance(node, ast.stmt) and not _is_constant(node) for node in nodes),
            outside=frozenset(line for node in nodes for line in _outside(node, flags)),
            stubs=frozenset(node.lineno for node in nodes if isinstance(node, FUNCTIONS) and _is_stub(node)),
            handlers=frozenset(line for handler in handlers for line in _span(handler.body)),
            first={line: start for node in nodes if isinstance(node, ast.stmt) for line, start in _own(node)},
        )


def _flags(nodes: Iterable[ast.AST]) -> set[str]:
    """Return how the module spells typing's TYPE_CHECKING; one of its own making proves nothing."""
    flags: set[str] = set()
    stored: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module in TYPING:
            flags.update(name.asname or name.name for name in node.names if name.name == FLAG)
        elif isinstance(node, ast.Import):
            flags.update(f"{name.asname or name.name}.{FLAG}" for name in node.names if name.name in TYPING)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            stored.add(node.id)
    return flags - stored


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
    bodies = [
        child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler))
    ]
    cases = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.match_case)]
    inner = min([child.lineno for child in bodies] + [case.pattern.lineno for case in cases], default=0)
    end = inner - 1 if inner > node.lineno else (node.end_lineno or node.lineno)
    if not inner or inner > node.lineno:
        yield from ((line, node.lineno) for line in range(node.lineno, end + 1))
