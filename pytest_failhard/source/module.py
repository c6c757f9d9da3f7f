"""One Python file, read once: its nodes by type, their parents, and what its names stand for."""

from __future__ import annotations

import ast
import functools
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from pytest_failhard.source.comments import Comment, decoded, scanned
from pytest_failhard.source.structure import FLAG
from pytest_failhard.source.suppressed_code import of_module
from pytest_failhard.source.suppressions import Suppression
from pytest_failhard.source.texts import certain_text
from pytest_failhard.source.tree import (
    Named,
    argument,
    children,
    docstring,
    last_part,
    own_nodes,
    traversed,
    walk,
)

__all__ = ["FUNCTIONS", "HOPS", "FunctionNode", "Module", "argument", "children", "docstring", "last_part"]
__all__ += ["module_name", "own_nodes", "walk"]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module})
_NO_NAMES: Mapping[str, list[ast.expr | None]] = {}
_NO_NODES: list[ast.AST] = []
_MARK = re.compile(rb"#[^\n]*")
HOPS = 8
"""How many names a value may be passed through before we give up: a cycle ends here."""

_Node = TypeVar("_Node", bound=ast.AST)


class Module:
    """A parsed file with one traversal done. Nothing in it outlives the rules' look at the file.

    `path` is relative to the root in POSIX form; `role` is `product`, `test`, `example` or `script`;
    `name` is the dotted name under which the project imports it, as far as the path tells.
    """

    def __init__(self, path: str, role: str, data: bytes, tree: ast.Module) -> None:
        self.path = path
        self.role = role
        self.data = data
        self.tree = tree
        self.name = module_name(path)
        self._buckets, self._parents = traversed(tree)
        # Many rules ask for the same names.
        self._resolved: dict[ast.AST, str] = {}
        self._visible: dict[ast.AST, tuple[Mapping[str, list[ast.expr | None]], ...]] = {}

    def nodes(self, *kinds: type[_Node]) -> Sequence[_Node]:
        """Return all nodes of exactly these types, outer ones before inner ones."""
        if len(kinds) == 1:
            return self._buckets.get(kinds[0], _NO_NODES)  # type: ignore[return-value]  # it holds one type
        return [node for kind in kinds for node in self.nodes(kind)]

    @functools.cached_property
    def calls(self) -> Named[ast.Call]:
        """The calls by the last name of their functions."""
        return Named(self.nodes(ast.Call), last_part)

    @functools.cached_property
    def names(self) -> Named[ast.Name]:
        """The plain names, used and bound, by what they are."""
        return Named(self.nodes(ast.Name), operator.attrgetter("id"))

    @functools.cached_property
    def keywords(self) -> Named[ast.keyword]:
        """The keyword arguments by name."""
        return Named(self.nodes(ast.keyword), operator.attrgetter("arg"))

    @functools.cached_property
    def attributes(self) -> Named[ast.Attribute]:
        """The attributes by name."""
        return Named(self.nodes(ast.Attribute), operator.attrgetter("attr"))

    @functools.cached_property
    def assigned(self) -> Named[ast.Assign]:
        """The assignments by the last name of their first target."""
        return Named(self.nodes(ast.Assign), _first_target)

    @functools.cached_property
    def annotated(self) -> Named[ast.AnnAssign]:
        """The annotated assignments and declarations by the last name of their target."""
        return Named(self.nodes(ast.AnnAssign), _target)

    def mentions(self, words: Iterable[str]) -> bool:
        """Tell whether one of some words is part of a name in the code: of a variable, a keyword, an import.

        The cheap question of a rule that looks for certain names. What stands in texts and comments does
        not count, and it is Python that reads the names: no odd spelling hides one.
        """
        return any(word in self._vocabulary for word in words)

    @functools.cached_property
    def _vocabulary(self) -> str:
        named = (*self.names, *self.attributes, *self.keywords, *self.imports, *self.imports.values())
        return " ".join(named)

    @functools.cached_property
    def stored(self) -> Sequence[ast.Name]:
        """The names that are bound or deleted where they stand."""
        return [node for node in self.nodes(ast.Name) if not isinstance(node.ctx, ast.Load)]

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node that holds this one, None for the module."""
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what holds the node, from the inside out."""
        above = self._parents.get(node)
        while above is not None:
            yield above
            above = self._parents.get(above)

    def function(self, node: ast.AST) -> FunctionNode | None:
        """Return the innermost function around the node; a lambda or a class between them is none."""
        above = self._parents.get(node)
        while above is not None and not isinstance(above, FUNCTIONS):
            above = self._parents.get(above)
        return above

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the innermost function, lambda, class or module around the node."""
        above = self._parents.get(node, self.tree)
        while type(above) not in _SCOPES:
            above = self._parents[above]
        return above

    def class_of(self, function: ast.AST) -> ast.ClassDef | None:
        """Return the class whose body holds the node directly (for a method: its class)."""
        above = self.parent(function)
        while isinstance(above, ast.If | ast.Try | ast.With):
            above = self.parent(above)
        return above if isinstance(above, ast.ClassDef) else None

    def qualname(self, node: ast.AST) -> str:
        """Return `Class.method` for a node in it, or for itself; empty at module level."""
        chain = [node, *self.ancestors(node)]
        named = [each.name for each in chain if isinstance(each, (*FUNCTIONS, ast.ClassDef))]
        return ".".join(reversed(named))

    def is_type_checking(self, node: ast.AST) -> bool:
        """Tell whether the node stands in the body of `if TYPE_CHECKING:`."""
        return any(
            isinstance(above, ast.If) and last_part(above.test) == FLAG and _holds(above.body, below)
            for below, above in self._steps(node)
        )

    def is_main(self, node: ast.AST) -> bool:
        """Tell whether the node stands in the body of `if __name__ == "__main__":`."""
        return any(
            isinstance(above, ast.If) and _is_main_test(above.test) and _holds(above.body, below)
            for below, above in self._steps(node)
        )

    def _steps(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        below = node
        for above in self.ancestors(node):
            yield below, above
            below = above

    @functools.cached_property
    def imports(self) -> Mapping[str, str]:
        """The local names of what is imported anywhere in the file -> dotted names, none relative."""
        found: dict[str, str] = {}
        for node in self.nodes(ast.Import):
            for alias in node.names:
                if alias.asname:
                    found[alias.asname] = alias.name
                else:
                    found.setdefault(alias.name.partition(".")[0], alias.name.partition(".")[0])
        for taken in self.nodes(ast.ImportFrom):
            base = self.imported_from(taken)
            for alias in taken.names:
                found[alias.asname or alias.name] = f"{base}.{alias.name}".lstrip(".")
        return found

    def imported_from(self, node: ast.ImportFrom) -> str:
        """Return the dotted module that `from ... import` names, resolved where it is relative."""
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.path.endswith("__init__.py") else self.name.split(".")[:-1]
        above = package[: len(package) - (node.level - 1)]
        return ".".join([*above, *([node.module] if node.module else [])])

    @functools.cached_property
    def _bindings(self) -> Mapping[ast.AST, Mapping[str, list[ast.expr | None]]]:
        """Scope -> name -> all that is ever bound to it there; None for what has no value of its own."""
        found: dict[ast.AST, dict[str, list[ast.expr | None]]] = {}
        for node in self.stored:
            bound = found.setdefault(self._home(node), {}).setdefault(node.id, [])
            bound.append(self._bound_value(node))
        for given in self.nodes(ast.arg):
            found.setdefault(self.scope(given), {}).setdefault(given.arg, []).append(None)
        return found

    def _home(self, node: ast.Name) -> ast.AST:
        scope = self.scope(node)
        return self.tree if node.id in self._globals.get(scope, ()) else scope

    @functools.cached_property
    def _globals(self) -> Mapping[ast.AST, set[str]]:
        """Function -> the names that its body declares as the module's."""
        found: dict[ast.AST, set[str]] = {}
        for node in self.nodes(ast.Global):
            found.setdefault(self._parents[node], set()).update(node.names)
        return {scope: names for scope, names in found.items() if isinstance(scope, FUNCTIONS)}

    def _bound_value(self, node: ast.Name) -> ast.expr | None:
        above = self.parent(node)
        if isinstance(above, ast.Assign) and node in above.targets:
            return above.value
        if isinstance(above, ast.AnnAssign | ast.NamedExpr):
            return above.value
        return None

    def bindings(self, name: ast.Name) -> Sequence[ast.expr | None]:
        """Return all that is bound to a name where it is used: in its function, else in the module."""
        here = self.scope(name)
        if here not in self._visible:
            self._visible[here] = tuple(self._seen_from(here))
        for names in self._visible[here]:
            if name.id in names:
                return names[name.id]
        return ()

    def _seen_from(self, scope: ast.AST) -> Iterator[Mapping[str, list[ast.expr | None]]]:
        """Yield what is bound in a scope and in those around it, classes left out: theirs are not seen."""
        yield self._bindings.get(scope, _NO_NAMES)
        while scope is not self.tree:
            scope = self.scope(scope)
            if not isinstance(scope, ast.ClassDef):
                yield self._bindings.get(scope, _NO_NAMES)

    def value(self, node: ast.expr) -> ast.expr:
        """Return what an expression certainly is: through a walrus, and names bound exactly once."""
        for _ in range(HOPS):
            if isinstance(node, ast.NamedExpr):
                node = node.value
                continue
            if not isinstance(node, ast.Name) or node.id not in self._certain:
                return node
            bound = self.bindings(node)
            if len(bound) != 1 or bound[0] is None:
                return node
            node = bound[0]
        return node

    @functools.cached_property
    def _certain(self) -> frozenset[str]:
        """The names that some scope binds exactly once, and to a value: most names are none of them."""
        return frozenset(
            name
            for names in self._bindings.values()
            for name, bound in names.items()
            if len(bound) == 1 and bound[0] is not None
        )

    def resolve(self, node: ast.AST) -> str:
        """Return the dotted name that a name or attribute stands for, through imports and plain aliases.

        `os.environ.get` for `from os import environ as e; e.get`; `self.x` stays; empty for anything else.
        """
        known = self._resolved.get(node)
        if known is None:
            known = self._resolved[node] = self._dotted(node)
        return known

    def _dotted(self, node: ast.AST) -> str:
        parts: list[str] = []
        for _ in range(4 * HOPS):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
                continue
            if not isinstance(node, ast.Name):
                return ""
            if node.id in self.imports:
                parts.append(self.imports[node.id])
                break
            aliased = self.value(node)
            if aliased is node or not isinstance(aliased, ast.Name | ast.Attribute):
                parts.append(node.id)
                break
            node = aliased
        return ".".join(reversed(parts))

    def text(self, node: ast.expr | None) -> str | None:
        """Return the text that an expression certainly is, None where that cannot be told.

        Through names bound once, f-strings without computed parts, `+` and `"".join([...])`.
        """
        return certain_text(self, node, HOPS)

    @functools.cached_property
    def functions(self) -> Mapping[str, Sequence[FunctionNode]]:
        """The functions and methods of the file by their own name, outer ones first."""
        found: dict[str, list[FunctionNode]] = {}
        for plain in self.nodes(ast.FunctionDef):
            found.setdefault(plain.name, []).append(plain)
        for coroutine in self.nodes(ast.AsyncFunctionDef):
            found.setdefault(coroutine.name, []).append(coroutine)
        return found

    @functools.cached_property
    def lower(self) -> bytes:
        """The bytes of the file in lower case, as far as they are ASCII."""
        return self.data.lower()

    @functools.cached_property
    def marks(self) -> bytes:
        """All that can be in a comment, in lower case: each line from its first `#` on, strings too.

        Most words that matter in comments are in none: whoever looks for some asks here first.
        """
        return b"\n".join(_MARK.findall(self.lower))

    @functools.cached_property
    def comments(self) -> tuple[Comment, ...]:
        """The comments of the file, in order."""
        return scanned(self.data, self.tree)

    @functools.cached_property
    def suppressions(self) -> tuple[Suppression, ...]:
        """Where the file tells a tool to look away, in the order of the lines."""
        return of_module(self)

    @functools.cached_property
    def lines(self) -> Sequence[str]:
        """The physical lines without their ends, decoded as the file's cookie says."""
        return decoded(self.data).splitlines()


def _first_target(node: ast.Assign) -> str:
    return last_part(node.targets[0])


def _target(node: ast.AnnAssign) -> str:
    return last_part(node.target)


def module_name(path: str) -> str:
    """Return the dotted name of a file: a leading `src` folder is no package."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[0] == "src" and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


def _holds(body: Sequence[ast.stmt], node: ast.AST) -> bool:
    return any(each is node for each in body)


def _is_main_test(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and len(test.comparators) == 1
        and {last_part(test.left), last_part(test.comparators[0])} >= {"__name__"}
        and any(
            isinstance(side, ast.Constant) and side.value == "__main__"
            for side in (test.left, test.comparators[0])
        )
    )
