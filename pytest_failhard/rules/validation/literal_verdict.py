"""FV3: a verdict that is worked out from literals."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.contact import reach
from pytest_failhard.rules.data import validation as data
from pytest_failhard.rules.literals import literals
from pytest_failhard.rules.meeting import OTHERS, SERVES, ValidationRule
from pytest_failhard.rules.validating import checked, details, validation
from pytest_failhard.source.module import last_part

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import Module


class LiteralVerdict(ValidationRule):
    """All that a check compares, or the score that it prints, was written into it.

    Finds:
        In a validation file a check whose every assertion is worked out from literals of the function
        itself or of its file, and which leads to nothing of the project; a printed score of which the same
        is true.
    Why:
        The result was there before anything ran.
    Subs:
        `asserted`: what the check asserts. `printed`: the score that a program prints.
    Bad:
        # file: tests/test_pool.py
        def test_pool_statistics():
            stats = {"size": 10, "in_use": 3}
            assert stats["in_use"] <= stats["size"]
    Good:
        # file: tests/test_pool.py
        from shop.pool import statistics

        def test_pool_statistics():
            stats = statistics()
            assert stats["in_use"] <= stats["size"]
        # file: shop/pool.py
        def statistics(): ...
    Exempt:
        A check that also calls the product, a process or a fixture of somebody's: that nothing is raised is
        a result, too. `assert True` alone, which FH602 names. A name that is changed by a call.
    Evasions:
        Values passed through names, containers that are filled, loops, arithmetic, f-strings. Not seen:
        a class that holds the values.
    Measured:
        9 hits in 3 of 30 projects, each read: all harmful.
    """

    code = "FV3"
    name = "literal-verdict"
    subs = ("asserted", "printed")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each check whose verdict was written into it."""
        if validation(module) is None:
            return
        for check, checks in checked(module):
            if checks and _is_written(module, checks):
                yield self._hit(module, check, checks[0], "asserted", "asserts")
        if module.role != "test":
            for printed in _printed_scores(module):
                yield self._hit(module, printed, printed, "printed", "prints")

    def _hit(self, module: Module, where: ast.AST, first: ast.AST, sub: str, does: str) -> Hit:
        unit = reach(module).unit(where)
        others = reach(module).others(unit) if unit is not None else frozenset(module.imports.values())
        return self.hit(
            module,
            first,
            f"{module.qualname(where) or module.path} {does} what was written into it",
            "take the value from the system",
            sub=sub,
            details={OTHERS: " ".join(sorted(others)), SERVES: "1", **details(module)},
        )


def _is_written(module: Module, checks: Sequence[ast.AST]) -> bool:
    """Tell whether all assertions are literal, and one of them is more than a constant."""
    operands = [_operands(node) for node in checks]
    if any(each is None for each in operands):
        return False
    given = [node for each in operands for node in each or ()]
    traced = literals(module)
    return all(map(traced.is_literal, given)) and any(traced.named(node) for node in given)


def _operands(node: ast.AST) -> Sequence[ast.expr] | None:
    """Return what a check compares; None for one of which nobody can tell."""
    if isinstance(node, ast.Assert):
        return [node.test]
    if isinstance(node, ast.Call) and data.EQUALITIES.fullmatch(last_part(node)):
        return node.args
    return None


def _printed_scores(module: Module) -> Iterator[ast.Call]:
    """Yield the prints of a score that is worked out from literals alone, in several numbers."""
    traced = literals(module)
    for call in module.calls.of(("print",)):
        if any(_is_score(each) for each in call.args):
            shown = [each.value for each in ast.walk(call) if isinstance(each, ast.FormattedValue)]
            shown += [each for each in call.args if not isinstance(each, ast.JoinedStr | ast.Constant)]
            numbers = [each for each in shown if traced.named(each)]
            if numbers and all(map(traced.is_literal, shown)):
                yield call


def _is_score(node: ast.expr) -> bool:
    texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return any(isinstance(each, str) and data.SCORE.search(each) for each in texts)
