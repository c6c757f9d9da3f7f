"""FH201: product code that imports a library for tests."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import mocks as data
from pytest_failhard.rules.options import entries, unmatched
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module, argument

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

MODULE = "module"
ALLOWED = "allow_test_libraries"


class TestLibraryInProduct(StaticRule):
    """Product code imports a library that is there for tests.

    Finds:
        An import of unittest.mock, mock, pytest, a pytest plugin, faker, mimesis, factory (factory_boy),
        responses, respx, requests_mock, vcr or hypothesis, anywhere in the file.
    Why:
        What answers from a mocking or data-making library is made up, and in production nobody notices.
    Bad:
        from unittest.mock import MagicMock

        client = MagicMock()
    Good:
        import httpx

        client = httpx.Client(timeout=10)
    Exempt:
        pytest in a project that declares a `pytest11` entry point; imports for type checkers alone; a module
        of the project itself that has the name of such a library; a `try` that only asks whether a library
        is installed; modules in `allow_test_libraries`.
    Evasions:
        `importlib.import_module("unittest.mock")`, `__import__`, an import inside a function, a re-export
        through a module of the project, `import unittest` and then `unittest.mock`.
    Measured:
        No figure that was not tuned on.
    """

    code = "FH201"
    name = "test-library-in-product"
    gate = "fallbacks"
    family = "mocks"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each library that an import or a call loads."""
        for node in _loading(module):
            found = {name for dotted in _loaded(node, module) if (name := _library(dotted))}
            if found and not module.is_type_checking(node) and not _only_asks(node, module):
                yield from (self._hit(node, library, module) for library in sorted(found))

    def _hit(self, node: ast.AST, library: str, module: Module) -> Hit:
        return self.hit(
            module,
            node,
            f"{module.qualname(node) or module.name} uses {library}, a library for tests",
            "move the double or the made-up data to the tests, and use the real thing here",
            details={MODULE: library},
        )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Leave out what the project allows, has a module of its own for, or needs as a plugin of pytest."""
        allowed = [entry.get(MODULE, "") for entry in entries(options, ALLOWED)]
        for each in allowed:
            if not any(_is_allowed(hit, each) for hit in hits):
                yield unmatched(self, ALLOWED, each)
        for hit in hits:
            library = hit.details[MODULE]
            is_allowed = any(_is_allowed(hit, each) for each in allowed)
            is_plugin = index.metadata.is_pytest_plugin and library in data.PLUGIN_LIBRARIES
            if not (is_allowed or is_plugin or index.find_module(library, hit.path)):
                yield hit


def _only_asks(node: ast.AST, module: Module) -> bool:
    """Tell whether an import in a `try` only finds out whether the library is installed, and which one."""
    if not isinstance(node, ast.Import) or not isinstance(module.parent(node), ast.Try):
        return False
    names = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    function = module.function(node)
    read = [
        module.parent(name)
        for name in module.nodes(ast.Name)
        if name.id in names and isinstance(name.ctx, ast.Load) and module.function(name) is function
    ]
    return all(isinstance(above, ast.Attribute) and above.attr == "__version__" for above in read)


def _is_allowed(hit: Hit, allowed: str) -> bool:
    return bool(allowed) and f"{hit.details[MODULE]}.".startswith(f"{allowed}.")


def _loading(module: Module) -> Iterator[ast.AST]:
    """Yield the nodes that may load a library; calls and attributes only where the file says it could."""
    yield from module.nodes(ast.Import)
    yield from module.nodes(ast.ImportFrom)
    if any(word in module.data for word in data.IMPORTER_WORDS):
        yield from module.nodes(ast.Call)
    if b"unittest" in module.data:
        yield from module.nodes(ast.Attribute)


def _loaded(node: ast.AST, module: Module) -> Iterator[str]:
    """Yield the dotted names that a node loads, without relative imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and module.resolve(node.func) in data.IMPORTERS:
        yield module.text(argument(node, 0, "name")) or ""
    elif isinstance(node, ast.Attribute) and node.attr == "mock" and isinstance(node.value, ast.Name):
        yield f"{module.imports.get(node.value.id)}.mock"


def _library(dotted: str) -> str:
    """Return the library for tests that a dotted name belongs to, empty for any other."""
    first, _, rest = dotted.partition(".")
    if first in data.TEST_LIBRARIES or first.startswith(data.TEST_LIBRARY_PREFIX):
        return first
    second = f"{first}.{rest.partition('.')[0]}"
    return second if second in data.TEST_LIBRARIES else ""
