"""Tells what a file imports, and which names it reads when it runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.source.module import FUNCTIONS, children

if TYPE_CHECKING:
    from pytest_failhard.source.module import Module


def imported(module: Module) -> Iterator[str]:
    """Yield the dotted names of the modules that a file imports and of what it takes from them."""
    for node in module.nodes(ast.Import):
        yield from (alias.name for alias in node.names)
    for taken in module.nodes(ast.ImportFrom):
        base = module.imported_from(taken)
        yield base
        yield from (f"{base}.{alias.name}" for alias in taken.names)


def used(module: Module) -> frozenset[str]:
    """Return the names that the file reads, attributes by their own name.

    Left out are a name inside the outermost function or class that bears it, what stands under
    `if __name__ == "__main__"`, and annotations, but for the calls in them (`Annotated[T, Depends(f)]`).
    """
    return frozenset(map(sys.intern, _used(module)))


def _used(module: Module) -> Iterator[str]:
    owners = _owners(module)
    notes = _annotation_nodes(module)
    for named in (module.names, module.attributes):
        for name in named:
            if any(_counts(node, name, owners) and node not in notes for node in named.of((name,))):
                yield name


def _counts(node: ast.Name | ast.Attribute, name: str, owners: Sequence[str | None]) -> bool:
    return owners[node.lineno] not in {None, name} and isinstance(node.ctx, ast.Load)


def _annotation_nodes(module: Module) -> frozenset[ast.AST]:
    """Return the nodes of all annotations, without those inside a call."""
    work: list[ast.AST] = [each.annotation for each in module.nodes(ast.arg) if each.annotation]
    work += [each.annotation for each in module.nodes(ast.AnnAssign)]
    work += [each.returns for each in module.nodes(ast.FunctionDef) if each.returns]
    work += [each.returns for each in module.nodes(ast.AsyncFunctionDef) if each.returns]
    for node in work:
        if not isinstance(node, ast.Call | ast.Name):
            work += children(node)
    return frozenset(work)


def _owners(module: Module) -> Sequence[str | None]:
    """Line -> the outermost function or class there; None under the main guard."""
    last = max((each.end_lineno or 0 for each in module.tree.body), default=0)
    owners: list[str | None] = [""] * (last + 2)
    for statement in module.tree.body:
        end = statement.end_lineno or statement.lineno
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            owners[statement.lineno : end + 1] = [statement.name] * (end + 1 - statement.lineno)
        elif isinstance(statement, ast.If) and module.is_main(statement.body[0]):
            owners[statement.lineno : end + 1] = [None] * (end + 1 - statement.lineno)
    return owners
