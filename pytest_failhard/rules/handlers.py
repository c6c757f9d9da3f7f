"""Tells how wide an exception handler is, whether it fails, and whether it only logs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from pytest_failhard.rules.data import values as data
from pytest_failhard.source.module import HOPS, FunctionNode, Module, children, last_part

_SCOPES = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef})


def caught(module: Module, expression: ast.expr | None) -> tuple[str, ...]:
    """Return the dotted names of what is caught, through aliases and tuples; `BaseException` for nothing."""
    return ("BaseException",) if expression is None else tuple(_names(module, expression, HOPS))


def _names(module: Module, expression: ast.expr, hops: int) -> Iterator[str]:
    if not hops:
        return
    value = module.value(expression)
    if isinstance(value, ast.Tuple):
        for each in value.elts:
            yield from _names(module, each, hops - 1)
    elif isinstance(value, ast.Starred):
        yield from _names(module, value.value, hops - 1)
    elif isinstance(value, ast.BinOp):
        yield from _names(module, value.left, hops - 1)
        yield from _names(module, value.right, hops - 1)
    else:
        yield module.resolve(value).removeprefix("builtins.")


def is_broad(module: Module, expression: ast.expr | None) -> bool:
    """Tell whether a handler or a `suppress(...)` argument catches everything: by name or by enumeration."""
    names = caught(module, expression)
    return bool(data.BROAD & set(names)) or is_enumeration(names)


def is_enumeration(names: Iterable[str]) -> bool:
    """Tell whether the names are everything by enumeration, and not by a broad one among them."""
    distinct = set(names)
    return not data.BROAD & distinct and len(data.ENUMERABLE & distinct) >= data.ENUMERATED


def raises(module: Module, body: Sequence[ast.stmt]) -> bool:
    """Tell whether a body can fail by itself: a raise, or an exit that does not say success.

    Nested functions, lambdas and classes do not run with it; a raise under a constant test never does.
    A call of a function of the file that always fails counts where the body certainly makes it.
    """
    return any(_fails(module, node) for node in running(body)) or any(
        _calls_failing(module, statement) for statement in body
    )


def _calls_failing(module: Module, statement: ast.stmt) -> bool:
    """Tell whether a statement is a call of a function of the file that is made to fail."""
    value = statement.value if isinstance(statement, ast.Expr | ast.Return) else None
    call = value.value if isinstance(value, ast.Await) else value
    if not isinstance(call, ast.Call):
        return False
    found = module.functions.get(last_part(call), ())
    return len(found) == 1 and (_never_returns(found[0]) or _ends_failing(module, found[0]))


def _never_returns(function: FunctionNode) -> bool:
    return function.returns is not None and last_part(function.returns) in {"NoReturn", "Never"}


def _ends_failing(module: Module, function: FunctionNode) -> bool:
    last = function.body[-1]
    if isinstance(last, ast.Raise):
        return not any(isinstance(node, ast.Return) for node in running(function.body))
    return isinstance(last, ast.Expr) and _fails(module, last.value)


def running(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes that run with a body: no nested scopes, no branch under a constant false test."""
    work: list[ast.AST] = list(body)
    for node in work:
        yield node
        if type(node) in _SCOPES:
            continue
        if isinstance(node, ast.If) and never(node.test):
            work.extend(node.orelse)
            continue
        work += children(node)


def never(test: ast.expr) -> bool:
    """Tell whether a test is false before anything runs."""
    if isinstance(test, ast.Constant):
        return not test.value
    return last_part(test) == "TYPE_CHECKING" and not isinstance(test, ast.Call)


def _fails(module: Module, node: ast.AST) -> bool:
    if isinstance(node, ast.Raise):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = module.resolve(node.func)
    if name in data.FAILURES or last_part(node) == data.HANDING_ON:
        return True
    return name in data.EXITS and (name.endswith("abort") or not _says_success(node))


def _says_success(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not given:
        return True
    return isinstance(given[0], ast.Constant) and given[0].value in {None, 0}


def is_log_call(statement: ast.stmt) -> bool:
    """Tell whether a statement only writes a log line or prints."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    return isinstance(value, ast.Call) and last_part(value) in data.LOG_CALLS
