"""Writes a benchmark to start with, that calls a public function of the product."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from pytest_failhard.model import Run
from pytest_failhard.source import read
from pytest_failhard.source.files import parse
from pytest_failhard.source.import_roots import import_roots

GENERIC = ("your_product", "your_function", "...")


def test(run: Run) -> str:
    """Return a test to paste."""
    module, function, arguments = next(_functions(run), GENERIC)
    called = ", ".join(part for part in (function, arguments) if part)
    return (
        f"paste this into a test file, with arguments of about a millisecond of work:\n\n"
        f"from {module} import {function}\n\n\n"
        f"def test_{function}_is_not_slower(failhard_benchmark):\n"
        f"    result = failhard_benchmark({called})\n"
        f"    assert result == ...\n"
    )


def _functions(run: Run) -> Iterator[tuple[str, str, str]]:
    """Return public functions by module and name, with their arguments, the sooner callable first."""
    files = read(run.root, run.source, run.test_roots).files
    product = sorted(file.path for file in files if file.role == "product")
    roots = import_roots(run.root, run.source, product)
    found = [
        (len(names), module, node.name, ", ".join(names))
        for path in product
        if (module := _module(path, roots))
        for node in parse(run.root, path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        for names in [[each.arg for each in (*node.args.posonlyargs, *node.args.args)]]
    ]
    return ((module, name, arguments) for _, module, name, arguments in sorted(found))


def _module(path: str, roots: Iterable[str]) -> str:
    """Return the name under which a file is imported, empty where no root holds it."""
    place = PurePosixPath(path)
    above = [root for root in map(PurePosixPath, roots) if place.is_relative_to(root)]
    if not above:
        return ""
    relative = place.relative_to(max(above, key=lambda root: len(root.parts))).with_suffix("")
    return ".".join(part for part in relative.parts if part != "__init__")
