"""FV7: a check that looks at how the code is built instead of what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import validation as data
from pytest_failhard.rules.unit import EVERY, StaticRule
from pytest_failhard.rules.validating import UNNAMED, checked, details, validation
from pytest_failhard.source.module import last_part, walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_failhard.model import Option
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.index import Index
    from pytest_failhard.source.module import Module


class StructureOnly(StaticRule):
    """A check holds because something exists or is long enough, whatever it does.

    Finds:
        In a validation file a check of which every assertion is `hasattr` of a module, a class or an object
        just made, a length of source text, or that a method is not the one of its base.
    Why:
        A method that raises, does nothing or answers a constant has a name and a length, too.
    Subs:
        `exists`: `hasattr` alone. `length`: of source. `overridden`: `is not` a method of a base.
    Bad:
        # file: tests/test_components.py
        from shop.store import Store

        def test_store_is_complete():
            store = Store()
            assert hasattr(store, "save")
            assert hasattr(store, "load")
    Good:
        # file: tests/test_components.py
        from shop.store import Store

        def test_store_keeps_what_it_saves():
            store = Store()
            store.save("a", 1)
            assert store.load("a") == 1
    Exempt:
        A check that also looks at a value or expects a failure; `hasattr` of what a call gave; `not
        hasattr`, which says that something is gone; `__version__` and `__all__`.
    Evasions:
        `hasattr` in `all(...)`, over a loop of names, with `callable(getattr(...))`. Not seen: a helper
        that looks.
    Measured:
        12 hits in 5 of 30 projects, each read: all true, 4 harmful; one of them in 10 hand-written
        projects.
    """

    code = "FV7"
    name = "structure-only"
    gate = "integrity"
    family = "validation"
    roles = EVERY
    subs = ("exists", "length", "overridden")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each check that looks at structure alone."""
        if not any(each in module.data for each in data.STRUCTURE_BYTES) or validation(module) is None:
            return
        for check, checks in checked(module):
            sub = _sub(module, checks)
            if sub:
                yield self.hit(
                    module,
                    check,
                    f"{module.qualname(check)} looks at what exists, never at what it does",
                    "call it, and assert what it does",
                    sub=sub,
                    identity="check",
                    details=details(module),
                )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the hits in files that are validations by place or name."""
        del index, options
        return [hit for hit in hits if UNNAMED not in hit.details]


def _sub(module: Module, checks: Sequence[ast.AST]) -> str:
    """Return the kind of structure that all assertions of a check look at; empty where one does not."""
    kinds: set[str] = set()
    for node in checks:
        kinds.add(_kind(module, node.test) if isinstance(node, ast.Assert) else "")
        if "" in kinds:
            return ""
    return min(kinds, default="")


def _kind(module: Module, test: ast.expr) -> str:
    """Return the kind of structure that one assertion looks at; empty for anything else."""
    if isinstance(test, ast.BoolOp):
        kinds = {_kind(module, each) for each in test.values}
        return kinds.pop() if len(kinds) == 1 else ""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(module, test)
    if isinstance(test, ast.Call):
        return _called(module, test)
    return ""


def _called(module: Module, call: ast.Call) -> str:
    if last_part(call) == "all" and call.args and isinstance(call.args[0], ast.GeneratorExp | ast.ListComp):
        return _kind(module, call.args[0].elt)
    if last_part(call) == "callable" and call.args and isinstance(call.args[0], ast.Attribute):
        return "exists" if _is_thing(module, call.args[0].value) else ""
    if last_part(call) == "callable" and call.args and isinstance(call.args[0], ast.Call):
        call = call.args[0]
    if last_part(call) not in {"hasattr", "getattr"} or len(call.args) < data.HASATTR_ARGUMENTS:
        return ""
    name = call.args[1]
    if isinstance(name, ast.Constant) and str(name.value) in data.METADATA:
        return ""
    return "exists" if _is_thing(module, call.args[0]) else ""


def _is_thing(module: Module, subject: ast.expr) -> bool:
    """Tell whether the subject is a module, a class or an object just made, not what a call gave."""
    value = module.value(subject)
    if isinstance(value, ast.Call):
        return last_part(value)[:1].isupper()
    root = value
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and (
        root.id in module.imports or (root.id == "self" and root is not value)
    )


def _compared(module: Module, test: ast.Compare) -> str:
    if isinstance(test.ops[0], ast.IsNot):
        left, right = test.left, test.comparators[0]
        both = (
            isinstance(left, ast.Attribute) and isinstance(right, ast.Attribute) and left.attr == right.attr
        )
        return "overridden" if both and _is_class(left) and _is_class(right) else ""
    if isinstance(test.ops[0], ast.Gt | ast.GtE) and isinstance(test.comparators[0], ast.Constant):
        texts = _measured(module, test.left)
        return "length" if any(last_part(each) in {"getsource", "getsourcelines"} for each in texts) else ""
    return ""


def _is_class(method: ast.expr) -> bool:
    """Tell whether the owner of an attribute is named like a class."""
    owner = method.value if isinstance(method, ast.Attribute) else method
    return last_part(owner)[:1].isupper() or last_part(owner) in {"type", "__class__", "cls"}


def _measured(module: Module, node: ast.expr) -> Iterator[ast.AST]:
    """Yield the calls in what `len` is taken of."""
    if isinstance(node, ast.Call) and last_part(node) == "len" and node.args:
        yield from (each for each in walk(module.value(node.args[0])) if isinstance(each, ast.Call))
