"""Finds the extras of a project that its product code needs although nobody named them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.declarations import Declaration
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.source import files
from pytest_failhard.source.module import Module

SUFFIXES = (".py", ".so", ".pyd")
DEVELOPMENT = frozenset(
    {"bench", "benchmark", "build", "ci", "dev", "develop", "development", "doc", "docs", "lint", "linting"}
    | {"mypy", "release", "test", "testing", "tests", "types", "typing"}
)
"""Words in the names of extras for developers: product code cannot count on those."""


def extras(
    root: Path,
    paths: Iterable[str],
    others: Iterable[Declaration],
    members: Iterable[str],
    installed: Mapping[str, Distribution],
) -> tuple[str, ...]:
    """Return the extras among `others` that bring what files import and no member of the closure, sorted.

    Of several that bring a distribution the smallest one is taken. Raises GateError for a file that may
    import one and cannot be read.
    """
    brought: dict[str, set[str]] = {}
    for declaration in others:
        kind, _, extra = declaration.scope.partition(":")
        if kind == "extra" and declaration.requirement is not None and _is_for_production(extra):
            brought.setdefault(extra, set()).add(canonicalize_name(declaration.requirement.name))
    names = {name for each in brought.values() for name in each} & installed.keys() - set(members)
    modules = {name: frozenset(_modules(installed[name])) for name in sorted(names)}
    imported = _imported(root, paths, frozenset().union(*modules.values()))
    by_size = sorted(brought, key=lambda extra: (len(brought[extra]), extra))
    wanted = (name for name, owned in modules.items() if imported & owned)
    return tuple(sorted({next(each for each in by_size if name in brought[each]) for name in wanted}))


def _is_for_production(extra: str) -> bool:
    return DEVELOPMENT.isdisjoint(extra.split("-"))


def _imported(root: Path, paths: Iterable[str], modules: frozenset[str]) -> frozenset[str]:
    """Return which modules files import when they run."""
    tops = sorted({module.partition(".")[0].encode() for module in modules})
    if not tops:
        return frozenset()
    # A file is parsed only if it speaks of one of them at all.
    mention = re.compile(rb"\b(?:" + b"|".join(map(re.escape, tops)) + rb")\b")
    found = {name for path in paths for name in _of_file(root, path, mention)}
    return frozenset(prefix for name in found for prefix in _prefixes(name)) & modules


def _of_file(root: Path, path: str, mention: re.Pattern[bytes]) -> Iterator[str]:
    """Yield the dotted names of a file's absolute imports; `from a import b` is `a.b`."""
    data = files.contents(root, path)
    if not mention.search(data):
        return
    module = Module(path, "product", data, files.parsed(path, data))
    for node in module.nodes(ast.Import, ast.ImportFrom):
        if module.is_type_checking(node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules(distribution: Distribution) -> Iterator[str]:
    for file in distribution.files:
        path = PurePosixPath(file.path)
        if path.suffix in SUFFIXES and ".." not in path.parts:
            stem = path.name.partition(".")[0]
            parts = path.parts[:-1] if stem == "__init__" else (*path.parts[:-1], stem)
            yield ".".join(parts)


def _prefixes(dotted: str) -> Iterator[str]:
    while dotted:
        yield dotted
        dotted = dotted.rpartition(".")[0]
