"""FH602: an assertion that cannot fail."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import quality as data
from pytest_failhard.rules.tested import QualityRule
from pytest_failhard.rules.truth import is_false, is_same, is_size_bound, is_true
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import last_part

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import Module

REWRITER = "_pytest.assertion"
EMPTY_TEXTS = frozenset({"", b""})


class TautologicalAssertion(QualityRule):
    """An assertion holds whatever the product does.

    Finds:
        An assert of a true constant, of a name that only ever is one, of `... or True`, of a comparison of
        a thing with itself or of constants, of `len(x) >= 0` and the like; the same in unittest's form.
    Why:
        It looks like a check in the file and in every count, and no defect can make it fail.
    Bad:
        def test_import(service):
            service.load()
            result = True
            assert result
    Good:
        def test_import(service):
            assert service.load().rows == 3
    Exempt:
        The tests of an assertion rewriter; `x in {True, False}`, which checks a type; a name that another
        function binds; a comparison of two calls; `x.y is x.y`, which asks for a kept value; `x == x` in
        a test of equality, by its name or because it also says `!=`.
    Evasions:
        `assert x == x`, `x is x`, `not False`, `"" in s`, `isinstance(x, object)`, a display that is not
        empty, `(cond, "message")`, `any([True, cond])`, `assertEqual(1, 1)`.
    Measured:
        On the corpus it was tuned on 17 of 18 right, 12 of them harmful; the wrong one looks for an empty
        name in a mapping. In 7 hand-written projects with 5,720 tests that one hit.
    """

    code = "FH602"
    name = "tautological-assertion"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each assertion that holds in any case."""
        for node in module.nodes(ast.Assert):
            if is_true(module, node.test):
                yield from self._told(node, module)
        for call in module.calls.where(_asserts):
            if isinstance(call.func, ast.Attribute) and _holds(module, call):
                yield from self._told(call, module)

    def _told(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        if not _is_of_a_rewriter(module) and not _is_about_equality(module, node):
            where = module.qualname(node) or "the module"
            yield self.hit(
                module,
                node,
                f"{where} asserts what is always true",
                "assert what the product answered, against a value worked out by hand",
            )


def _asserts(name: str) -> bool:
    return name.startswith(("assert", "failUnless"))


def _is_of_a_rewriter(module: Module) -> bool:
    return any(name.startswith(REWRITER) for name in module.imports.values())


def _is_about_equality(module: Module, node: ast.AST) -> bool:
    """Tell whether a thing is compared with itself where a test is about its `__eq__`."""
    function = module.function(node)
    if function is None or not any(is_same(*pair) for pair in _pairs(node)):
        return False
    return data.ABOUT_EQUALITY.search(function.name) is not None or any(
        isinstance(each, ast.NotEq) or last_part(each) in {"assertNotEqual", "assertNotEquals"}
        for each in ast.walk(function)
    )


def _pairs(node: ast.AST) -> Iterable[tuple[ast.expr, ast.expr]]:
    if isinstance(node, ast.Call):
        return [(node.args[0], node.args[1])] if len(node.args) > 1 else []
    return [(each.left, each.comparators[0]) for each in ast.walk(node) if isinstance(each, ast.Compare)]


def _holds(module: Module, call: ast.Call) -> bool:
    name = last_part(call)
    if name in data.TRUTHS:
        return bool(call.args) and is_true(module, call.args[0])
    if name == "assertFalse":
        return bool(call.args) and is_false(module, call.args[0])
    if name == "assertIsNotNone":
        return bool(call.args) and literal(module, call.args[0]) not in {"", "none"}
    return len(call.args) > 1 and _two_hold(name, call.args[0], call.args[1])


def _two_hold(name: str, first: ast.expr, second: ast.expr) -> bool:
    if name == "assertIn":
        return isinstance(first, ast.Constant) and first.value in EMPTY_TEXTS
    if name == "assertIsInstance":
        return last_part(second) == "object"
    if name in data.EQUALITIES:
        constants = isinstance(first, ast.Constant) and isinstance(second, ast.Constant)
        return constants or is_same(first, second)
    operator: ast.cmpop = ast.GtE() if name == "assertGreaterEqual" else ast.LtE()
    return name in data.ORDERS and is_size_bound(first, operator, second)
