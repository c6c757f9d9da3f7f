"""Says which files claim to judge a system, and which of their functions are the checks."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import validation as data
from pytest_failhard.source.checks import is_check, written_tests
from pytest_failhard.source.module import own_nodes

if TYPE_CHECKING:
    from pytest_failhard.source.module import FunctionNode, Module

UNNAMED = "unnamed"
"""In the details of a hit: the file is a validation only if CI runs it as a check."""

_KNOWN: weakref.WeakKeyDictionary[Module, str | None] = weakref.WeakKeyDictionary()


def is_named(path: str) -> bool:
    """Tell whether a file says by its name that it judges a system."""
    return data.NAMED.search(PurePosixPath(path).stem) is not None


def validation(module: Module) -> str | None:
    """Return what a file is as a validation, worked out once for all rules; None where it is none.

    Empty: it lies under tests, or is a program that says by its name what it is for. `unnamed`: a program
    that is one only if CI runs it. A module of that name which others import validates their input.
    """
    if module not in _KNOWN:
        _KNOWN[module] = _validation(module)
    return _KNOWN[module]


def _validation(module: Module) -> str | None:
    if data.SHOWN.search(module.path):
        return None
    if module.role == "test":
        return ""
    if not _is_program(module):
        return None
    return "" if is_named(module.path) else UNNAMED


def _is_program(module: Module) -> bool:
    """Tell whether a file does something when it is run: a main guard, or a call among its statements."""
    if data.MAIN in module.data:
        return True
    body = module.tree.body
    return is_named(module.path) and any(
        isinstance(each, ast.Expr) and isinstance(each.value, ast.Call) for each in body
    )


def check_functions(module: Module) -> Iterator[FunctionNode]:
    """Yield the tests of a file; of a program, and of helpers beside tests, what is named like a check."""
    tests = [each.node for each in written_tests(module)]
    if tests:
        yield from tests
        return
    for name, functions in module.functions.items():
        if data.CHECKING_NAME.search(name):
            yield from (each for each in functions if module.function(each) is None)


def checked(module: Module) -> Iterator[tuple[FunctionNode, Sequence[ast.AST]]]:
    """Yield the check functions, each with what in it checks something: an assert, a raise, such a call."""
    tests = written_tests(module)
    if tests:
        yield from ((each.node, each.checks) for each in tests)
        return
    for function in check_functions(module):
        yield (
            function,
            [node for node in own_nodes(function, ast.Assert, ast.Call, ast.Raise) if is_check(node)],
        )


def details(module: Module) -> dict[str, str]:
    """Return what a hit in this file has to remember of what the file is."""
    return {UNNAMED: "1"} if validation(module) == UNNAMED else {}
