"""Says what a function of a file reaches: imports and fixtures, through the helpers that it uses."""

from __future__ import annotations

import ast
import functools
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_failhard.rules.data import validation as data
from pytest_failhard.source.checks import is_fixture, is_test
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module

FIXTURE = "fixture:"
CALL = "call:"

_KNOWN: weakref.WeakKeyDictionary[Module, Reach] = weakref.WeakKeyDictionary()


def reach(module: Module) -> Reach:
    """Return what the functions of a file reach, worked out once for all rules."""
    if module not in _KNOWN:
        _KNOWN[module] = Reach(module)
    return _KNOWN[module]


class Reach:
    """The outermost functions of one file, what each uses, and what that leads to."""

    def __init__(self, module: Module) -> None:
        self._imports = module.imports
        self._functions = _outermost(module)
        self._fixtures = frozenset(each.name for each in self._functions if is_fixture(each))
        self._roots = frozenset(each for each in self._functions if is_test(module, each) or is_fixture(each))
        self._owner = {each: module.class_of(each) for each in self._functions}
        self._at = {line: each for each in self._functions for line in _lines(each)}
        self._used = self._names(module)
        self._stated = dict(_stated(module))

    def unit(self, node: ast.AST) -> FunctionNode | None:
        """Return the outermost function that a node stands in, None at the level of the module."""
        return self._at.get(getattr(node, "lineno", 0))

    def below(self, function: FunctionNode) -> Sequence[FunctionNode]:
        """Return a function and all of the file's that it can lead to."""
        return self._closure(function)[0]

    def others(self, function: FunctionNode) -> frozenset[str]:
        """Return what a function leads to outside of the file and of the plain standard library.

        Dotted names; `fixture:x` for a fixture that is defined elsewhere, `call:x` for what runs text or
        a process.
        """
        functions, names = self._closure(function)
        found = {self._imports[name] for name in names if name in self._imports}
        # What tests and fixtures are given comes from elsewhere, and so does what a check is called with.
        given = {
            name for each in functions if each in self._roots or each is function for name in _given(each)
        }
        return frozenset(
            {
                *(name for name in found if name.partition(".")[0] not in data.STANDARD),
                *(f"{CALL}{name}" for name in names & (data.EXECUTING | data.RUNNING)),
                *(f"{FIXTURE}{name}" for name in given - self._fixtures - data.FIXTURES),
            }
        )

    def _closure(self, function: FunctionNode) -> tuple[Sequence[FunctionNode], frozenset[str]]:
        seen: dict[FunctionNode, None] = {function: None}
        names: set[str] = set()
        work = [function]
        for each in work:
            for name in self._used[each] | _given(each):
                if name not in names:
                    names.add(name)
                    names |= self._stated.get(name, frozenset())
            for found in self._named(names, self._owner.get(each)):
                if found not in seen:
                    seen[found] = None
                    work.append(found)
        return tuple(seen), frozenset(names)

    def _named(self, names: set[str], owner: ast.ClassDef | None) -> Iterator[FunctionNode]:
        """Yield the functions of some names, and what prepares the tests of a class."""
        for name in tuple(names):
            yield from self._by_name.get(name, ())
        for name in data.SETUPS:
            for each in self._by_name.get(name, ()):
                held = self._owner[each]
                if held is owner or (held is not None and held.name in names):
                    yield each

    @functools.cached_property
    def _by_name(self) -> Mapping[str, Sequence[FunctionNode]]:
        found: dict[str, list[FunctionNode]] = {}
        for each in self._functions:
            found.setdefault(each.name, []).append(each)
        return found

    def _names(self, module: Module) -> Mapping[FunctionNode, frozenset[str]]:
        """Function -> the names, attributes and local imports in it."""
        found: dict[FunctionNode, set[str]] = {each: set() for each in self._functions}
        for node in module.nodes(ast.Name):
            if unit := self._at.get(node.lineno):
                found[unit].add(node.id)
        for attribute in module.nodes(ast.Attribute):
            if unit := self._at.get(attribute.lineno):
                found[unit].add(attribute.attr)
        for alias in module.nodes(ast.alias):
            if unit := self._at.get(alias.lineno):
                found[unit].add(alias.asname or alias.name.partition(".")[0])
        return {unit: frozenset(names) for unit, names in found.items()}


def _outermost(module: Module) -> Sequence[FunctionNode]:
    functions = (each for named in module.functions.values() for each in named)
    return [each for each in functions if module.function(each) is None]


def _lines(function: FunctionNode) -> Iterable[int]:
    first = min([each.lineno for each in function.decorator_list], default=function.lineno)
    return range(first, (function.end_lineno or function.lineno) + 1)


def _given(function: FunctionNode) -> frozenset[str]:
    """Return the parameters without a value of their own, those of `parametrize` left out."""
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    named = plain[: len(plain) - len(arguments.defaults)]
    return frozenset(each.arg for each in named) - frozenset(_parametrized(function))


def _parametrized(function: FunctionNode) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and decorator.args:
            named = decorator.args[0]
            for each in ast.walk(named):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield from (name.strip() for name in each.value.split(","))


def _stated(module: Module) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each name that a statement of the module binds, with the names in that statement."""
    for statement in module.tree.body:
        if isinstance(statement, (*FUNCTIONS, ast.Import, ast.ImportFrom)):
            continue
        if isinstance(statement, ast.ClassDef):
            yield statement.name, frozenset(_words([*statement.bases, *statement.decorator_list]))
            continue
        names = frozenset(_words([statement]))
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id, names


def _words(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for each in (below for node in nodes for below in ast.walk(node)):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr
