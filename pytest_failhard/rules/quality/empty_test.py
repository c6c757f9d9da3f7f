"""FH601: a test that checks nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.tested import QualityRule
from pytest_failhard.source.checks import ASSERTING_FIXTURE, WrittenTest, called, written_tests
from pytest_failhard.source.index import body

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.index import Index
    from pytest_failhard.source.module import Module

FIXES = {
    "empty": "write the test, or remove it",
    "returns-bool": "assert what it returns",
    "no-assert": "assert what the call must have done",
}
SAYS = {
    "empty": "is empty",
    "returns-bool": "returns its verdict, which pytest does not look at",
    "no-assert": "asserts nothing that can run",
}
CALLS = "calls"


class EmptyTest(QualityRule):
    """A test checks nothing, so it passes whatever the product does.

    Finds:
        A test function that is empty, that returns a truth value instead of asserting it, or that has
        no check that can run: no `assert`, no `raise`, no `pytest.raises`, no call named like a check.
    Why:
        It counts as a passed test and covers lines, and no change of the product can make it fail.
    Subs:
        `empty`: nothing, `pass`, `...` or a constant. `returns-bool`: no check, and a bool or a
        comparison is returned. `no-assert`: no check.
    Bad:
        def test_total(cart):
            if cart.total() != 42:
                return False
            return True
    Good:
        def test_total(cart):
            assert cart.total() == 42
    Exempt:
        A fixture or a route called `test_*`; a file that pytest does not collect; a test whose helper or
        fixture asserts, in its own file or in another test file; fixtures that fail by themselves
        (`pytester`, snapshots); a process run with `check=True`.
    Evasions:
        `print("ok")`; an assert in a nested function that nobody calls, behind `if False` or after a
        `return`; a bare comparison; `return x == 1`.
    Measured:
        On the corpus it was tuned on, harmful: empty 9 of 9, returns-bool 38 of 39. In 7 hand-written
        projects with 5,720 tests no hit of these two, and 16 of no-assert, all smoke tests or no tests.
    """

    code = "FH601"
    name = "empty-test"
    subs = ("empty", "returns-bool", "no-assert")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each test without a check."""
        for test in written_tests(module):
            sub = _sub(test)
            if sub:
                yield self.hit(
                    module,
                    test.node,
                    f"{module.qualname(test.node)} {SAYS[sub]}",
                    FIXES[sub],
                    sub=sub,
                    details={CALLS: " ".join(sorted(called(module, test)))} if sub == "no-assert" else {},
                )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the hits in collected files whose helpers and fixtures check nothing either."""
        checking = {name for facts in index.files for name in facts.checking}
        return [
            hit
            for hit in super().settle(hits, index, options)
            if not checking.intersection(hit.details.get(CALLS, "").split())
        ]


def _sub(test: WrittenTest) -> str:
    if all(_is_nothing(statement) for statement in body(test.node)):
        return "empty"
    if test.checks or any(ASSERTING_FIXTURE.match(name) for name in _names(test)):
        return ""
    returned = [node.value for node in test.live() if isinstance(node, ast.Return)]
    return "returns-bool" if any(map(_is_truth, returned)) else "no-assert"


def _names(test: WrittenTest) -> Iterable[str]:
    return (each.arg for each in ast.walk(test.node.args) if isinstance(each, ast.arg))


def _is_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr | ast.Return):
        return statement.value is None or (
            isinstance(statement.value, ast.Constant) and not isinstance(statement.value.value, bool)
        )
    return isinstance(statement, ast.Pass)


def _is_truth(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Constant):
        return isinstance(value.value, bool)
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.Not)
    return isinstance(value, ast.Compare | ast.BoolOp)
