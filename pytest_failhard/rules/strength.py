"""Says whether one check of a test proves less than another that stood in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_failhard.rules.data import quality as data
from pytest_failhard.rules.handlers import is_broad
from pytest_failhard.source.canonical import canonical
from pytest_failhard.source.module import Module, argument, last_part

EXACT = (ast.Eq, ast.Is)
_UNIT = {"assertEqual": ast.Eq, "assertEquals": ast.Eq, "assertIs": ast.Is}
_BOUNDED = {"assertIn": ast.In, "assertGreater": ast.Gt, "assertGreaterEqual": ast.GtE}
_BOUNDED |= {"assertLess": ast.Lt, "assertLessEqual": ast.LtE, "assertNotEqual": ast.NotEq}
Comparison = tuple[type[ast.cmpop], ast.expr, ast.expr]


def weaker(before: Module, old: ast.AST, after: Module, new: ast.AST) -> str:
    """Say in what a check is weaker than the one before, empty where it is not or is about something else."""
    if _is_raises(old) and _is_raises(new) and isinstance(old, ast.Call) and isinstance(new, ast.Call):
        return _raises(before, old, after, new)
    earlier, later = _comparison(old), _comparison(new)
    if earlier is None or not _operands(new) & _parts(old):
        return ""
    if later is None:
        exact = issubclass(earlier[0], EXACT) and not _is_truth(earlier)
        return "an exact value became a truth" if exact and not _has_comparison(new) else ""
    return _comparisons(earlier, later)


def _comparisons(old: Comparison, new: Comparison) -> str:
    if issubclass(old[0], EXACT) and not issubclass(new[0], EXACT):
        return "an exact value became a bound"
    if issubclass(old[0], EXACT) and _is_constant(old[2]) and _is_computed(new[2]):
        return "the expected value is computed"
    before, now = _tolerance(old), _tolerance(new)
    return "its tolerance grew" if before is not None and now is not None and now > before else ""


def _is_raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and "raises" in last_part(node).lower()


def _raises(before: Module, old: ast.Call, after: Module, new: ast.Call) -> str:
    expected, now = argument(old, 0, "expected_exception"), argument(new, 0, "expected_exception")
    if now is not None and is_broad(after, now) and expected is not None and not is_broad(before, expected):
        return "the expected exception may be any"
    if argument(old, None, "match") is not None:
        match = argument(new, None, "match")
        if match is None or after.text(match) in data.TRIVIAL_MATCHES:
            return "the message of the exception is not looked at"
    return ""


def _comparison(node: ast.AST) -> Comparison | None:
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
        return type(node.test.ops[0]), node.test.left, node.test.comparators[0]
    name = last_part(node) if isinstance(node, ast.Call) else ""
    kind: type[ast.cmpop] | None = _UNIT.get(name) or _BOUNDED.get(name)
    if kind is None or not isinstance(node, ast.Call) or len(node.args) < 2:
        return None
    return kind, node.args[0], node.args[1]


def _has_comparison(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Compare) for each in ast.walk(node))


def _is_truth(comparison: Comparison) -> bool:
    """Tell `x is True`, of which `x` is no less."""
    return isinstance(comparison[2], ast.Constant) and isinstance(comparison[2].value, bool)


def _operands(node: ast.AST) -> set[str]:
    """Return what a check is about: the subject of an assert, its operands, the arguments of a call."""
    compared = _comparison(node)
    if compared is not None:
        return {canonical(each) for each in compared[1:]}
    if isinstance(node, ast.Call):
        return {canonical(each) for each in node.args}
    test = node.test if isinstance(node, ast.Assert) else node
    return {canonical(test), *(canonical(each) for each in _called_with(test))}


def _called_with(test: ast.AST) -> Iterator[ast.expr]:
    if isinstance(test, ast.Call):
        yield from test.args
    if isinstance(test, ast.UnaryOp):
        yield test.operand


def _parts(node: ast.AST) -> set[str]:
    return {
        canonical(each)
        for each in ast.walk(node)
        if isinstance(each, ast.expr) and not isinstance(each, ast.Constant)
    }


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.UnaryOp | ast.List | ast.Tuple | ast.Dict | ast.Set)


def _is_computed(node: ast.expr) -> bool:
    return isinstance(node, ast.Call | ast.Await) and last_part(node) != "approx"


def _tolerance(comparison: Comparison) -> float | None:
    """Return how far off a value may be: `approx(rel=, abs=)`, or the bound of `abs(a - b) < bound`."""
    kind, left, right = comparison
    for side in (left, right):
        if isinstance(side, ast.Call) and last_part(side) == "approx":
            return _number(argument(side, 1, "rel", "abs"))
    return _number(right) if issubclass(kind, ast.Lt | ast.LtE) and last_part(left) == "abs" else None


def _number(node: ast.expr | None) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, int | float) else None
