"""Says whether an expression is worked out from literals of its own function alone."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Mapping, Sequence

from pytest_failhard.rules.data import validation as data
from pytest_failhard.source.module import HOPS, Module, children, last_part

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_TRANSPARENT = (
    *(ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.JoinedStr, ast.FormattedValue),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Subscript, ast.Slice, ast.Starred, ast.keyword),
    *(ast.comprehension, *_COMPREHENSIONS),
)
"""Nodes whose value is known where those below them are."""

Key = tuple[ast.AST, str]
"""A scope, and a name that is bound in it."""
_KNOWN: weakref.WeakKeyDictionary[Module, Literals] = weakref.WeakKeyDictionary()


def literals(module: Module) -> Literals:
    """Return what is literal in a file, worked out once for all rules."""
    if module not in _KNOWN:
        _KNOWN[module] = Literals(module)
    return _KNOWN[module]


class Literals:
    """Traces values of one file to where they come from."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._arguments: dict[str, list[ast.arg]] = {}
        for each in module.nodes(ast.arg):
            self._arguments.setdefault(each.arg, []).append(each)
        self._passed = {
            *(name for node in module.nodes(ast.Nonlocal) for name in node.names),
            *(name for node in module.nodes(ast.Global) for name in node.names),
        }
        self._places: dict[str, Mapping[Key, Sequence[ast.Name]]] = {}
        self._pure: dict[Key, bool] = {}

    def is_literal(self, node: ast.expr) -> bool:
        """Tell whether all that an expression is worked out from are literals, or nothing is left open."""
        return self._holds(node, HOPS)

    def named(self, node: ast.AST) -> Sequence[str]:
        """Return the names in an expression that stand for values of its function or of the module."""
        return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and self._is_bound(each)]

    def reads(self, name: ast.Name) -> Sequence[ast.Name]:
        """Return where a name is read that this place alone gives a literal value; none where others do."""
        key = self._home(name)
        uses = self._uses(key) if key is not None else ()
        stored = [each for each in uses if isinstance(each.ctx, ast.Store)]
        if len(stored) != 1 or not self._name_holds(name, HOPS):
            return ()
        return [each for each in uses if isinstance(each.ctx, ast.Load)]

    def _is_own(self, name: ast.Name) -> bool:
        """Tell whether a name is bound in the very scope where it stands."""
        home = self._home(name)
        return home is not None and home[0] is self._module.scope(name)

    def _is_bound(self, name: ast.Name) -> bool:
        return self._home(name) is not None

    def _holds(self, node: ast.AST, hops: int) -> bool:
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return hops > 0 and self._name_holds(node, hops)
        if isinstance(node, ast.Call):
            return self._call_holds(node, hops)
        return isinstance(node, _TRANSPARENT) and all(self._holds(each, hops) for each in children(node))

    def _call_holds(self, call: ast.Call, hops: int) -> bool:
        given = [*call.args, *call.keywords]
        if isinstance(call.func, ast.Name):
            return (
                call.func.id in data.PURE
                and self._home(call.func) is None
                and call.func.id not in {*self._module.imports, *self._module.functions}
                and all(self._holds(each, hops) or _is_type(each) for each in given)
            )
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in data.PURE_METHODS:
            return False
        return self._holds(call.func.value, hops) and all(self._holds(each, hops) for each in given)

    def _home(self, name: ast.Name) -> Key | None:
        """Return the scope that binds a name where it is used; None where the file does not bind it."""
        return next((key for key, uses in self._of(name.id).items() if name in uses), None)

    def _given(self, name: str) -> set[ast.AST]:
        """Return the functions with a parameter of a name."""
        return {self._module.scope(each) for each in self._arguments.get(name, ())}

    def _uses(self, key: Key) -> Sequence[ast.Name]:
        return self._of(key[1]).get(key, ())

    def _of(self, name: str) -> Mapping[Key, Sequence[ast.Name]]:
        """Return the places of a name by the scope that binds it, those in functions within it included."""
        if name not in self._places:
            nodes = self._module.names.of((name,))
            bound = {self._module.scope(each) for each in nodes if isinstance(each.ctx, ast.Store)}
            bound |= self._given(name)
            found: dict[Key, list[ast.Name]] = {}
            for node in nodes:
                scope = self._module.scope(node)
                while scope not in bound and scope is not self._module.tree:
                    scope = self._module.scope(scope)
                if scope in bound:
                    found.setdefault((scope, name), []).append(node)
            self._places[name] = found
        return self._places[name]

    def _name_holds(self, name: ast.Name, hops: int) -> bool:
        key = self._home(name)
        if key is None or key[0] in self._given(name.id):
            return False
        if name.id in self._passed or name.id in self._module.imports:
            return False
        if key not in self._pure:
            # What is built from itself (`n = n + 1`) is literal if the rest is.
            self._pure[key] = True
            self._pure[key] = all(self._use_holds(each, hops - 1) for each in self._uses(key))
        return self._pure[key]

    def _use_holds(self, use: ast.Name, hops: int) -> bool:
        """Tell whether one place of a name leaves its value literal."""
        above = self._module.parent(use)
        if isinstance(use.ctx, ast.Store):
            return self._stored(above, hops)
        if isinstance(use.ctx, ast.Del) or above is None:
            return False
        return self._read(use, above, hops)

    def _stored(self, above: ast.AST | None, hops: int) -> bool:
        while isinstance(above, ast.Tuple | ast.List | ast.Starred):
            above = self._module.parent(above)
        if isinstance(above, ast.For | ast.AsyncFor | ast.comprehension):
            return not isinstance(above, ast.AsyncFor) and self._holds(above.iter, hops)
        if isinstance(above, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            return above.value is not None and self._holds(above.value, hops)
        return False

    def _read(self, use: ast.AST, above: ast.AST, hops: int) -> bool:
        """Tell whether reading a name here cannot change it: it is not handed out, only grown by literals."""
        while isinstance(above, ast.keyword | ast.Starred):
            above = self._module.parent(above) or self._module.tree
        outer = self._module.parent(above)
        if isinstance(above, ast.Call):
            return above.func is not use and _keeps(last_part(above))
        if isinstance(above, ast.Subscript) and isinstance(above.ctx, ast.Store | ast.Del):
            return isinstance(outer, ast.Assign | ast.AugAssign) and self._holds(outer.value, hops)
        if isinstance(above, ast.Attribute):
            return self._method_holds(above, outer, hops)
        return not isinstance(above, ast.Yield | ast.YieldFrom | ast.Await)

    def _method_holds(self, above: ast.Attribute, outer: ast.AST | None, hops: int) -> bool:
        if not isinstance(outer, ast.Call) or outer.func is not above:
            return False
        if above.attr in data.GROWING:
            # What another function puts in, it may do at any time.
            own = isinstance(above.value, ast.Name) and self._is_own(above.value)
            return own and all(self._holds(each, hops) for each in (*outer.args, *outer.keywords))
        return above.attr in data.PURE_METHODS


def _keeps(name: str) -> bool:
    """Tell whether a function of this name leaves its arguments as they are."""
    known = data.PURE | data.SAYING | data.GROWING | data.WRITING
    return name in known or data.EQUALITIES.fullmatch(name) is not None


def _is_type(node: ast.AST) -> bool:
    """Tell the builtin types that `isinstance` is asked about."""
    if isinstance(node, ast.Tuple):
        return all(map(_is_type, node.elts))
    return isinstance(node, ast.Name) and node.id in {
        "int",
        "float",
        "str",
        "bool",
        "list",
        "dict",
        "tuple",
        "set",
    }
