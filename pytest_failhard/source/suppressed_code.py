"""Reads all suppressions of a parsed file: those in comments, and those that are code."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_failhard.source import suppression_forms as data
from pytest_failhard.source.suppression_forms import BLOCK, FILE, LINE
from pytest_failhard.source.suppressions import Suppression, of_comments, reason_in

if TYPE_CHECKING:
    from pytest_failhard.source.module import Module


MARKS = data.SKIPS | data.FILTERS


def of_module(module: Module) -> tuple[Suppression, ...]:
    """Return all of a parsed file, in the order of the lines."""
    found: list[Suppression] = []
    if any(word in module.marks for word in data.SUSPECT_WORDS) and data.SUSPECT.search(module.marks):
        said = of_comments(module.path, module.data, lambda: module.comments)
        found += [replace(each, where=_where(module, each.line)) for each in said]
    if any(word in module.data for word in data.TYPED):
        found += [*_unchecked(module), *_any(module)]
    if module.role == "test" and any(word in module.data for word in data.TESTING):
        found += [*_marked(module), *_switched(module)]
    return tuple(sorted(found))


def _where(module: Module, line: int) -> str:
    around: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = [
        *module.nodes(ast.FunctionDef),
        *module.nodes(ast.AsyncFunctionDef),
        *module.nodes(ast.ClassDef),
    ]
    holding = [node for node in around if node.lineno <= line <= (node.end_lineno or 0)]
    return module.qualname(max(holding, key=lambda node: node.lineno)) if holding else ""


def _unchecked(module: Module) -> Iterator[Suppression]:
    decorators = [
        decorator
        for definitions in (module.nodes(ast.FunctionDef), module.nodes(ast.ClassDef))
        for node in definitions
        for decorator in node.decorator_list
    ]
    for decorator in decorators:
        if _named(module, decorator, data.UNCHECKED):
            yield _coded(module, decorator, "mypy", "no_type_check", scope=BLOCK)


def _any(module: Module) -> Iterator[Suppression]:
    for node in _mentions(module, data.ANY):
        above = module.parent(node)
        if isinstance(above, ast.Call):
            if above.args[:1] == [node] and _named(module, above.func, data.CASTS):
                yield _coded(module, above, "any", "cast(Any, ...)", specific=True)
        elif isinstance(above, ast.AnnAssign | ast.arg) and above.annotation is node:
            yield _coded(module, above, "any", ": Any", specific=True)


def _mentions(module: Module, names: frozenset[str]) -> Iterator[ast.Attribute | ast.Name]:
    """Yield the attributes and plain names that mean one of some dotted names."""
    last = _last_parts(names)
    taken = {name for name, dotted in module.imports.items() if dotted.rpartition(".")[2] in last}
    found: list[ast.Attribute | ast.Name] = [*module.attributes.of(last), *module.names.of(taken | last)]
    yield from (node for node in found if _named(module, node, names))


def _named(module: Module, node: ast.AST, names: frozenset[str]) -> str:
    """Return which of some dotted names a node means; its last part is asked first, which is cheap."""
    if isinstance(node, ast.Attribute):
        last = node.attr
    elif isinstance(node, ast.Name):
        last = module.imports.get(node.id, node.id).rpartition(".")[2]
    else:
        return ""
    if last not in _last_parts(names):
        return ""
    resolved = module.resolve(node)
    return resolved if resolved in names else ""


@functools.cache
def _last_parts(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for name in names)


def _marked(module: Module) -> Iterator[Suppression]:
    for node in _mentions(module, MARKS):
        name = _named(module, node, MARKS)
        if name in data.SKIPS:
            yield _coded(module, node, "pytest", name, specific=True, reason=_stated(module, node))
        elif _ignores(module, module.parent(node)):
            yield _coded(module, node, "pytest", name, specific=True)


def _switched(module: Module) -> Iterator[Suppression]:
    for assigned in module.nodes(ast.Assign):
        for target in assigned.targets:
            if isinstance(target, ast.Name) and target.id in data.SWITCHES:
                yield _coded(module, assigned, "pytest", target.id, specific=True, scope=FILE)


def _stated(module: Module, marker: ast.expr) -> str:
    """Return the reason that a skip states."""
    call = module.parent(marker)
    if not isinstance(call, ast.Call) or call.func is not marker:
        return ""
    given = [keyword.value for keyword in call.keywords if keyword.arg in {"reason", "msg"}]
    texts = [text for node in (*given, *call.args) if (text := module.text(node)) is not None]
    return next((reason for text in texts if (reason := reason_in(text, ()))), "")


def _ignores(module: Module, call: ast.AST | None) -> bool:
    if not isinstance(call, ast.Call) or not call.args:
        return False
    return (module.text(call.args[0]) or "").startswith("ignore")


def _coded(
    module: Module,
    node: ast.expr | ast.stmt | ast.arg,
    kind: str,
    name: str,
    *,
    scope: str = LINE,
    specific: bool = False,
    reason: str = "",
) -> Suppression:
    return Suppression(
        path=module.path,
        line=node.lineno,
        kind=kind,
        name=name,
        rules=(),
        specific=specific,
        scope=scope,
        reason=reason,
        flaw="",
        text=name,
        where=module.qualname(node),
    )
