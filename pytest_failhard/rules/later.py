"""Tells what a function still does behind a line: which names it reads, where it refuses or denies."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from pytest_failhard.rules.handlers import raises
from pytest_failhard.rules.kept import once
from pytest_failhard.rules.values import carries_error, literal
from pytest_failhard.source.module import FunctionNode, Module, last_part, own_nodes, walk


def last_read(module: Module, function: FunctionNode | None, name: str) -> int:
    """Return the last line of a function (None: of the module level) that reads a name; 0 for none."""
    reads = (each for each in module.names.of((name,)) if isinstance(each.ctx, ast.Load))
    return max((each.lineno for each in reads if module.function(each) is function), default=0)


def last_denial(module: Module, function: FunctionNode) -> int:
    """Return the last line at which a function raises or returns False, None or something empty; else 0."""
    return _denials(module).get(function, 0)


@once
def _denials(module: Module) -> Mapping[FunctionNode | None, int]:
    found: dict[FunctionNode | None, int] = {}
    denying = [each for each in module.nodes(ast.Return) if literal(module, each.value) in _DENYING]
    for statement in (*module.nodes(ast.Raise), *denying):
        function = module.function(statement)
        found[function] = max(found.get(function, 0), statement.lineno)
    return found


_DENYING = frozenset({"false", "none", "empty"})


def is_refused(module: Module, function: FunctionNode | None, target: str, line: int) -> bool:
    """Tell whether a function tests a target behind a line, and raises, exits or returns an error then."""
    return any(each > line for each in _refusals(module).get((function, target), ()))


@once
def _refusals(module: Module) -> Mapping[tuple[FunctionNode | None, str], Sequence[int]]:
    found: dict[tuple[FunctionNode | None, str], list[int]] = {}
    for test in module.nodes(ast.If):
        if _refuses(module, test.body + test.orelse):
            function = module.function(test)
            for target in {written(each) for each in walk(test.test) if _is_target(each)}:
                found.setdefault((function, target), []).append(test.lineno)
    return found


def _is_target(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute)


def written(node: ast.AST) -> str:
    """Return a name or attribute as it is written."""
    return f"{written(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else last_part(node)


def _refuses(module: Module, body: Sequence[ast.stmt]) -> bool:
    if raises(module, body):
        return True
    ends = (each for statement in body for each in (statement, *own_nodes(statement, ast.Return)))
    return any(isinstance(each, ast.Return) and carries_error(module, each.value, None) for each in ends)
