"""Follows a flag that a handler sets to the test behind the try where it decides what happens."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from pytest_failhard.rules.handlings import Handling, following
from pytest_failhard.source.module import Module


def tested_after(module: Module, handling: Handling) -> Sequence[ast.stmt]:
    """Return the branch behind the try that runs because of a flag set in the handler; empty for none."""
    flags = {
        target.id: statement.value.value
        for statement in handling.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for after in following(module, handling.attempt) if flags else ():
        if isinstance(after, ast.If):
            branch = _taken(after, flags)
            if branch is not None:
                return branch or _behind(module, after)
    return ()


def _taken(test: ast.If, flags: Mapping[str, object]) -> Sequence[ast.stmt] | None:
    """Return the branch that a flag chooses; None where the test reads no flag."""
    asked, wanted = test.test, True
    if isinstance(asked, ast.UnaryOp) and isinstance(asked.op, ast.Not):
        asked, wanted = asked.operand, False
    elif (
        isinstance(asked, ast.Compare)
        and len(asked.ops) == 1
        and isinstance(asked.comparators[0], ast.Constant)
    ):
        wanted = isinstance(asked.ops[0], ast.IsNot) == (asked.comparators[0].value is None)
        asked = asked.left
    if not isinstance(asked, ast.Name) or asked.id not in flags:
        return None
    return test.body if bool(flags[asked.id]) == wanted else test.orelse


def _behind(module: Module, test: ast.If) -> Sequence[ast.stmt]:
    """Return what follows a test whose branch is not taken, if that branch leaves the function."""
    leaves = isinstance(test.body[-1], ast.Return | ast.Raise)
    return following(module, test) if leaves else ()
