"""FH704: an object that is equal, true or contained whatever it is compared with."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import gaming as data
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, own_nodes

FIX = "compare the fields, or remove the method"


class ConstantComparisonMethod(StaticRule):
    """A comparison answers the same whatever it is asked.

    Finds:
        `__eq__`, `__ne__`, `__bool__`, `__contains__` or an order that always returns one constant, as a
        method or as a lambda; an object that says it is of another class (`__class__`), or that has every
        method that anybody asks for (`__getattr__` that returns a function which ignores what it is
        given); a product class below `unittest.mock.Mock`.
    Why:
        `assert result == 42` passes for whatever comes back.
    Bad:
        class Result(int):
            def __eq__(self, other):
                return True
    Good:
        class Result:
            def __init__(self, value):
                self.value = value

            def __eq__(self, other):
                if not isinstance(other, Result):
                    return NotImplemented
                return self.value == other.value
    Exempt:
        NotImplemented; a sentinel whose `__bool__` is false, and one that says what Python says anyway:
        a class without bases and without `__len__` is true; in tests, a class that is called Any or
        Match... as `mock.ANY` is, and the `__bool__` and `__class__` of a double.
    Evasions:
        `return True or ...`, `return not False`, `functools.total_ordering` over a constant order.
    Measured:
        No verdicts yet.
    """

    code = "FH704"
    name = "constant-comparison-method"
    gate = "integrity"
    family = "gaming"
    nodes = (ast.ClassDef,)
    roles = EVERY

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return the hits in a class body."""
        if not isinstance(node, ast.ClassDef):
            return
        if module.role == "product" and any(module.resolve(base) in data.MOCKS for base in node.bases):
            message = f"{module.qualname(node)} derives from a mock: it has every method and compares as told"
            yield self.hit(module, node, message, "write the class that the product needs")
        if module.role == "test" and data.WILDCARD.search(node.name):
            return
        for statement in node.body:
            for name, said in _constant(module, statement) if not _is_plain_truth(node, statement) else ():
                if module.role == "test" and name in data.OF_DOUBLES:
                    continue
                where = f"{module.qualname(node)}.{name}"
                yield self.hit(module, statement, f"{where} {said}", FIX)


def _is_plain_truth(node: ast.ClassDef, statement: ast.stmt) -> bool:
    """Tell whether a method says what Python says of itself; result types say it of one of their kinds."""
    methods = {each.name for each in node.body if isinstance(each, FUNCTIONS)}
    is_truth = isinstance(statement, FUNCTIONS) and statement.name == "__bool__"
    return is_truth and not node.bases and "__len__" not in methods


def _constant(module: Module, statement: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(statement, FUNCTIONS):
        said = _says(module, statement)
        if said:
            yield statement.name, said
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                said = _assigned(module, target.id, statement.value)
                if said:
                    yield target.id, said


def _says(module: Module, function: FunctionNode) -> str:
    if function.name in data.COMPARISONS:
        kinds = {_kind(module, each.value) for each in own_nodes(function, ast.Return)}
        return _judged(function.name, kinds)
    if function.name == "__class__":
        return "says that the object is of another class"
    if function.name == "__getattr__" and _has_everything(module, function):
        return "has every method that anybody asks for, and each answers the same"
    return ""


def _judged(name: str, kinds: set[str]) -> str:
    if len(kinds) != 1 or not kinds < {"true", "false", "const"}:
        return ""
    kind = next(iter(kinds))
    if name == "__bool__" and kind == "false":
        return ""
    return "always answers the same"


def _kind(module: Module, value: ast.expr | None) -> str:
    """Return the kind of literal that an answer certainly is."""
    if isinstance(value, ast.BoolOp):
        first = literal(module, value.values[0])
        decides = {"true", "const"} if isinstance(value.op, ast.Or) else {"false", "none", "empty"}
        return ("true" if isinstance(value.op, ast.Or) else "false") if first in decides else ""
    return literal(module, value) or ""


def _assigned(module: Module, name: str, value: ast.expr) -> str:
    if name == "__class__":
        return "says that the object is of another class"
    if name in data.COMPARISONS and isinstance(value, ast.Lambda):
        return _judged(name, {_kind(module, value.body)})
    return ""


def _has_everything(module: Module, function: FunctionNode) -> bool:
    """Tell whether every attribute is a function of a constant; a raise says that some are not there."""
    if next(own_nodes(function, ast.Raise), None) is not None:
        return False
    answers = [each.value for each in own_nodes(function, ast.Return)]
    return bool(answers) and all(
        isinstance(answer, ast.Lambda) and literal(module, answer.body) != "" for answer in answers
    )
