"""Walks syntax trees: what lies directly below a node, what runs with it, and how an expression is named."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

_INNER_SCOPES = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef})
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_Node = TypeVar("_Node", bound=ast.AST)
Buckets = dict[type[ast.AST], list[ast.AST]]
Parents = dict[ast.AST, ast.AST]
_LEAVES = frozenset({ast.Name, ast.Constant, ast.Global, ast.Nonlocal, ast.alias, ast.MatchSingleton})
_NO_NODES = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "kind", "type_comment", "type_ignores", "level", "module"}
    | {"name", "names", "rest", "kwd_attrs", "conversion", "simple", "is_async", "str"}
)
"""Fields that hold names, numbers, operators or contexts: nothing worth a visit."""
# Python 3.12 and newer: `type X = ...`, whose name is a node.
_WITH_NODES = {("names", ast.Import), ("names", ast.ImportFrom), ("name", getattr(ast, "TypeAlias", None))}


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """Node type -> its fields that can hold nodes, worked out when a type is first met."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        named = kind._fields if kind not in _LEAVES else ()
        self[kind] = tuple(name for name in named if name not in _NO_NODES or (name, kind) in _WITH_NODES)
        return self[kind]


_FIELDS = _Fields()


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes directly below one, in their order; operators and contexts are none."""
    found: list[ast.AST] = []
    for field in _FIELDS[type(node)]:
        value = getattr(node, field, None)
        if type(value) is list:
            # A dict has no key, and a keyword-only parameter no default, where None stands.
            found += [item for item in value if item is not None]
        elif value is not None:
            found.append(value)
    return found


def traversed(tree: ast.AST) -> tuple[Buckets, Parents]:
    """Return the nodes by type, outer ones before inner ones, and the parent of each.

    It does what `children` does, in one loop: every node of every file passes through here.
    """
    buckets: Buckets = defaultdict(list)
    parents: Parents = {}
    queue = [tree]
    append = queue.append
    for node in queue:
        kind = type(node)
        buckets[kind].append(node)
        for field in _FIELDS[kind]:
            value = getattr(node, field, None)
            if type(value) is list:
                for child in value:
                    if child is not None:
                        parents[child] = node
                        append(child)
            elif value is not None:
                parents[value] = node
                append(value)
    return buckets, parents


def docstring(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str | None:
    """Return the text that a body begins with, as it stands."""
    first = node.body[0]
    value = first.value if isinstance(first, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


class Named(Generic[_Node]):
    """The nodes of one type by a name of theirs: for who looks for few names among many nodes.

    Iteration yields the names; a node without one is not found here.
    """

    def __init__(self, nodes: Sequence[_Node], name: Callable[[_Node], str | None]) -> None:
        self._nodes = nodes
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, named in enumerate(map(name, nodes)):
            if named:
                self._places[named].append(place)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def of(self, names: Iterable[str]) -> Sequence[_Node]:
        """Return the nodes with one of some names, outer ones before inner ones."""
        places = [place for name in names for place in self._places.get(name, ())]
        return [self._nodes[place] for place in sorted(places)] if places else ()

    def where(self, wanted: Callable[[str], object]) -> Sequence[_Node]:
        """Return the nodes whose name passes a test, which each name takes once; none without a name."""
        return self.of([name for name in self._places if wanted(name)])


def own_nodes(node: ast.AST, *kinds: type[_Node]) -> Iterator[_Node]:
    """Yield the nodes below this one that run with it: nested functions, lambdas and classes are left out."""
    # No statement lies in an expression.
    below = inner_statements if all(issubclass(kind, ast.stmt) for kind in kinds) else children
    work = below(node)
    for each in work:
        if isinstance(each, kinds):
            yield each
        if type(each) not in _INNER_SCOPES:
            work += below(each)


def inner_statements(node: ast.AST) -> list[ast.AST]:
    """Return the statements directly below a node, its handlers and cases included, in their order."""
    blocks = [getattr(node, field, None) for field in node._fields if field in _BLOCKS]
    return [each for block in blocks if type(block) is list for each in block]


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, outer ones first; as `ast.walk`, without operators and contexts."""
    work = [node]
    for each in work:
        yield each
        work += children(each)


def last_part(node: ast.AST) -> str:
    """Return the last name of a name, an attribute or a call: `get` for `a.b.get(...)`; else empty."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def argument(call: ast.Call, position: int | None, *names: str) -> ast.expr | None:
    """Return the argument of a call at a position or under one of the names, None where it is absent."""
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    if position is None or position >= len(call.args):
        return None
    given = call.args[position]
    return None if isinstance(given, ast.Starred) else given
