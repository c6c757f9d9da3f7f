"""Tells under which tests of the environment a place stands, and whether an empty environment reaches it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_failhard.rules.data import environment as data
from pytest_failhard.rules.environment import lookup
from pytest_failhard.source.module import HOPS, Module, last_part


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A test above a place. `words` are the names in it and the variables that it reads.

    `reached` tells whether the place is reached in an empty environment, None where that is not certain;
    `absent` are the values that the variables have then.
    """

    words: frozenset[str]
    named: bool
    """Whether it names an environment by a usual name."""
    reached: bool | None
    absent: frozenset[str]


def guards(module: Module, node: ast.AST) -> Iterator[Guard]:
    """Yield the tests of the `if` statements and conditional expressions around a place, inside out."""
    below = node
    for above in module.ancestors(node):
        if isinstance(above, ast.If | ast.IfExp) and below is not above.test:
            yield _guard(module, above, below)
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            return
        below = above


def _guard(module: Module, above: ast.If | ast.IfExp, below: ast.AST) -> Guard:
    body = above.body if isinstance(above.body, list) else [above.body]
    inside = any(each is below for each in body)
    words, texts, absent = set[str](), set[str](), set[str]()
    for each in _parts(module, above.test):
        if isinstance(each, ast.Name | ast.Attribute):
            words.add(last_part(each))
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            texts.add(each.value)
        elif isinstance(each, ast.Call | ast.Subscript):
            read = lookup(module, each)
            if read is not None:
                words.add(read.key)
                absent.update(_plain(module.text(read.default)))
    value = in_empty_environment(module, above.test)
    return Guard(
        words=frozenset(words),
        named=any(data.GUARD.search(each) for each in words | texts),
        reached=_reached(value, inside),
        absent=frozenset(absent),
    )


def _plain(text: str | None) -> Iterator[str]:
    """Yield a text that can be the name of an environment: one short word."""
    if text is not None and data.ENVIRONMENT_NAME.fullmatch(text):
        yield text


def _reached(value: object, inside: bool) -> bool | None:
    if value is FAILS:
        return False
    return None if value is UNCERTAIN else bool(value) == inside


def _parts(module: Module, test: ast.expr) -> Iterator[ast.AST]:
    """Yield the nodes of a test, and of the values of the names in it that are bound once."""
    for each in ast.walk(test):
        yield each
        if isinstance(each, ast.Name):
            bound = module.value(each)
            if bound is not each:
                yield from ast.walk(bound)


def is_guarded(module: Module, node: ast.AST) -> bool:
    """Tell whether a place stands under a test that names an environment."""
    return any(guard.named for guard in guards(module, node))


def encoded(found: Iterable[Guard]) -> str:
    """Return guards as text, one a line, for `Hit.details`."""
    return "\n".join(
        "\t".join(("named" if each.named else "", _REACHED[each.reached], *_lists(each.words, each.absent)))
        for each in found
    )


_REACHED = {True: "yes", False: "no", None: ""}


def _lists(*sets: frozenset[str]) -> tuple[str, ...]:
    return tuple(" ".join(sorted(each)) for each in sets)


def awareness(guards_text: str, variables: frozenset[str], production: frozenset[str]) -> str:
    """Return `closed` where an absent environment counts as production, else `open`; empty without a guard.

    `variables` name the environment beside the usual ones; `production` are the values that mean it.
    """
    kind = ""
    for line in guards_text.splitlines():
        named, reached, words, absent = line.split("\t")
        if not named and not variables.intersection(words.split()):
            continue
        if reached == "no" or (not reached and production.intersection(absent.split())):
            return "closed"
        kind = "open"
    return kind


class _Uncertain:
    """What is not known before the program runs."""


UNCERTAIN = _Uncertain()
FAILS = _Uncertain()


def in_empty_environment(module: Module, node: ast.expr, hops: int = HOPS) -> object:
    """Return the value of a test where no variable is set; UNCERTAIN, or FAILS where it raises then."""
    node = module.value(node)
    if not hops:
        return UNCERTAIN
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return _all(module, node.elts, hops)
    if isinstance(node, ast.Call | ast.Subscript):
        return _read(module, node, hops)
    return _operation(module, node, hops)


def _operation(module: Module, node: ast.expr, hops: int) -> object:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        value = in_empty_environment(module, node.operand, hops - 1)
        return value if isinstance(value, _Uncertain) else not value
    if isinstance(node, ast.BoolOp):
        return _boolean(module, node, hops)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compared(module, node, hops)
    return UNCERTAIN


def _all(module: Module, elements: list[ast.expr], hops: int) -> object:
    values = tuple(in_empty_environment(module, each, hops - 1) for each in elements)
    return UNCERTAIN if any(isinstance(each, _Uncertain) for each in values) else values


def _read(module: Module, node: ast.Call | ast.Subscript, hops: int) -> object:
    read = lookup(module, node)
    if read is not None:
        if read.required:
            return FAILS
        return None if read.default is None else in_empty_environment(module, read.default, hops - 1)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        value = in_empty_environment(module, node.func.value, hops - 1)
        change = _CHANGES.get(node.func.attr)
        return change(value) if change and isinstance(value, str) else UNCERTAIN
    return UNCERTAIN


_CHANGES: Mapping[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "strip": str.strip,
    "casefold": str.casefold,
}


def _boolean(module: Module, node: ast.BoolOp, hops: int) -> object:
    decided = isinstance(node.op, ast.Or)
    value: object = UNCERTAIN
    uncertain = False
    for each in node.values:
        value = in_empty_environment(module, each, hops - 1)
        if value is FAILS:
            return FAILS
        if value is UNCERTAIN:
            uncertain = True
        elif bool(value) is decided:
            return value
    return UNCERTAIN if uncertain else value


def _compared(module: Module, node: ast.Compare, hops: int) -> object:
    left = in_empty_environment(module, node.left, hops - 1)
    right = in_empty_environment(module, node.comparators[0], hops - 1)
    for side in (left, right):
        if isinstance(side, _Uncertain):
            return side
    return _result(node.ops[0], left, right)


def _result(operator: ast.cmpop, left: object, right: object) -> object:
    if isinstance(operator, ast.Eq | ast.Is):
        return left == right
    if isinstance(operator, ast.NotEq | ast.IsNot):
        return left != right
    if isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) or not isinstance(right, str | tuple):
        return UNCERTAIN
    return _holds(right, left) is isinstance(operator, ast.In)


def _holds(container: str | tuple[object, ...], value: object) -> bool:
    if isinstance(container, tuple):
        return value in container
    return isinstance(value, str) and value in container
