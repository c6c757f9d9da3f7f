"""Collects what a file imports and which attributes of modules it reads, as far as nothing guards them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_failhard.rules.data import imports as data
from pytest_failhard.source.module import Module, argument


@dataclass(frozen=True, kw_only=True, order=True)
class Wanted:
    """A module that a file needs, or a name in it; `level` are the dots in front of a relative one."""

    line: int
    module: str
    name: str = ""
    level: int = 0
    is_attribute: bool = False


def wanted(module: Module) -> Iterator[Wanted]:
    """Yield what must exist for the file to be imported and to run, each once."""
    found: dict[tuple[str, str, int], Wanted] = {}
    for each in (*_plain(module), *_taken(module), *_called(module), *_read(module)):
        found.setdefault((each.module, each.name, each.level), each)
    yield from found.values()


def encoded(found: Iterable[Wanted]) -> str:
    """Return the needs of a file as text, for the details of a hit."""
    return json.dumps([vars(each) for each in found])


def decoded(text: str) -> tuple[Wanted, ...]:
    """Return the needs that `encoded` wrote."""
    return tuple(Wanted(**each) for each in json.loads(text))


def _plain(module: Module) -> Iterator[Wanted]:
    for node in module.nodes(ast.Import):
        if not is_guarded(module, node):
            yield from (Wanted(line=node.lineno, module=alias.name) for alias in node.names)


def _taken(module: Module) -> Iterator[Wanted]:
    for node in module.nodes(ast.ImportFrom):
        if node.module == "__future__" or is_guarded(module, node):
            continue
        for alias in node.names:
            name = "" if alias.name == "*" else alias.name
            yield Wanted(line=alias.lineno, module=node.module or "", name=name, level=node.level)


def _called(module: Module) -> Iterator[Wanted]:
    if b"import_module" not in module.data:
        return
    for node in module.nodes(ast.Call):
        if module.resolve(node.func) == "importlib.import_module" and not is_guarded(module, node):
            name = module.text(argument(node, 0, "name"))
            if name and data.DOTTED.match(name):
                yield Wanted(line=node.lineno, module=name)


def _read(module: Module) -> Iterator[Wanted]:
    """Yield the attributes of imported modules that are read: `json.parse`."""
    modules = {
        alias.asname or alias.name: alias.name
        for node in module.nodes(ast.Import)
        for alias in node.names
        if alias.asname or "." not in alias.name
    }
    if not modules:
        return
    rebound = {node.id for node in module.stored}
    rebound |= {node.arg for node in module.nodes(ast.arg)} | set(module.functions)
    written: set[tuple[str, str]] = set()
    reads: dict[tuple[str, str], ast.Attribute] = {}
    for node in module.nodes(ast.Attribute):
        owner = node.value
        if not isinstance(owner, ast.Name) or owner.id not in modules or owner.id in rebound:
            continue
        if isinstance(node.ctx, ast.Load):
            reads.setdefault((owner.id, node.attr), node)
        else:
            written.add((owner.id, node.attr))
    for key, node in reads.items():
        if key not in written and not is_guarded(module, node):
            yield Wanted(line=node.lineno, module=modules[key[0]], name=key[1], is_attribute=True)


def is_guarded(module: Module, node: ast.AST) -> bool:
    """Tell whether a node runs only where what it needs is there, or may fail without harm."""
    below = node
    for above in module.ancestors(node):
        if isinstance(above, ast.Try) and below in above.body and _catches(above.handlers):
            return True
        if isinstance(above, ast.Try) and below in above.handlers:
            # What stands in for a module that is absent may be absent itself.
            return True
        if isinstance(above, ast.If | ast.IfExp | ast.BoolOp) and _is_guard(above, below):
            return True
        if isinstance(above, ast.With | ast.AsyncWith) and below in above.body and _suppresses(above):
            return True
        below = above
    return False


def _catches(handlers: Iterable[ast.ExceptHandler]) -> bool:
    for handler in handlers:
        if handler.type is None or any(
            getattr(each, "id", getattr(each, "attr", "")) in data.CAUGHT for each in ast.walk(handler.type)
        ):
            return True
    return False


def _is_guard(branch: ast.If | ast.IfExp | ast.BoolOp, below: ast.AST) -> bool:
    tests = branch.values if isinstance(branch, ast.BoolOp) else [branch.test]
    return any(
        data.GUARD.search(getattr(each, "id", getattr(each, "attr", "")))
        for test in tests
        if test is not below
        for each in ast.walk(test)
        if isinstance(each, ast.Name | ast.Attribute)
    )


def _suppresses(block: ast.With | ast.AsyncWith) -> bool:
    names = (getattr(each, "id", "") for item in block.items for each in ast.walk(item.context_expr))
    return any(name in data.SUPPRESSED for name in names)
