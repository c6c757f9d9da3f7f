"""Finds values that stand in for an environment variable: behind `or`, in the other arm, in `if not x:`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_failhard.rules.environment import Lookup, is_environment, key_text, lookup
from pytest_failhard.rules.secret_values import is_secret_name
from pytest_failhard.source.module import Module, last_part, own_nodes


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """The value that is taken where a variable is absent; `key` may be the name it is assigned to."""

    node: ast.AST
    key: str
    default: ast.expr


def alternatives(module: Module) -> Iterator[Alternative]:
    """Yield what stands behind `or`, and in the arm without the variable of a conditional expression."""
    for choice in module.nodes(ast.BoolOp):
        if isinstance(choice.op, ast.Or):
            yield from _behind(module, choice)
    for conditional in module.nodes(ast.IfExp):
        for arm, other in ((conditional.body, conditional.orelse), (conditional.orelse, conditional.body)):
            read = _direct(module, arm)
            if read is not None and _direct(module, other) is None:
                yield Alternative(node=conditional, key=_key(module, read, conditional), default=other)


def _behind(module: Module, choice: ast.BoolOp) -> Iterator[Alternative]:
    read: Lookup | None = None
    for value in choice.values:
        found = _direct(module, value)
        if found is not None:
            read = found
        elif read is not None:
            yield Alternative(node=choice, key=_key(module, read, choice), default=value)


def _direct(module: Module, node: ast.expr) -> Lookup | None:
    """Return the variable that an expression is, changed in its text at most."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        node = node.func.value
    return lookup(module, module.value(node))


def _key(module: Module, read: Lookup, node: ast.AST) -> str:
    """Return the key of a variable, or the name it is assigned to where only that is a secret's."""
    if is_secret_name(read.key):
        return read.key
    above = module.parent(node)
    targets = above.targets if isinstance(above, ast.Assign) else [getattr(above, "target", None)]
    names = [last_part(each) for each in targets if isinstance(each, ast.AST)]
    return next((each for each in names if is_secret_name(each)), read.key)


def is_alternative(module: Module, read: Lookup) -> bool:
    """Tell whether a variable with an empty default is followed by `or`: what counts stands there."""
    node: ast.AST = read.node
    above = module.parent(node)
    while isinstance(above, ast.Attribute | ast.Call):
        node, above = above, module.parent(above)
    return (
        isinstance(above, ast.BoolOp)
        and isinstance(above.op, ast.Or)
        and above.values[-1] is not node
        and module.text(read.default) == ""
    )


def replaced(module: Module) -> Iterator[Alternative]:
    """Yield what a name is set to where the variable that it holds turned out empty or absent."""
    for test in module.nodes(ast.If):
        name = _absent(test.test)
        if name is None:
            continue
        for statement in _assignments(test):
            read = _held(module, statement.targets[0]) if _ast_name(statement.targets[0]) == name else None
            if read is not None:
                yield Alternative(node=statement, key=read.key, default=statement.value)
    for test in module.nodes(ast.If):
        yield from _set(module, test)


def _assignments(test: ast.If) -> Iterator[ast.Assign]:
    for statement in test.body:
        if isinstance(statement, ast.Assign):
            yield statement
        yield from own_nodes(statement, ast.Assign)


def _set(module: Module, test: ast.If) -> Iterator[Alternative]:
    """Yield `if K not in os.environ: os.environ[K] = "..."`."""
    for statement in test.body if _asks(module, test.test) else ():
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
            target = statement.targets[0]
            if is_environment(module, target.value):
                yield Alternative(node=statement, key=key_text(module, target.slice), default=statement.value)


def _asks(module: Module, test: ast.expr) -> bool:
    """Tell whether a test looks at the environment: another one sets a variable for reasons of its own."""
    return any(
        isinstance(each, ast.expr)
        and (lookup(module, each) or is_environment(module, each) or _held(module, each))
        for each in ast.walk(test)
    )


def _absent(test: ast.expr) -> str | None:
    """Return the name that a test finds empty: `not x`, `x is None`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _ast_name(test.operand)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.Eq):
        return _ast_name(test.left)
    return None


def _ast_name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _held(module: Module, target: ast.expr) -> Lookup | None:
    bound = module.bindings(target) if isinstance(target, ast.Name) else ()
    return next(
        (read for each in bound if each is not None and (read := lookup(module, each)) is not None), None
    )
