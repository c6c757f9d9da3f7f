"""Tells what kind of function a function is: abstract, a protocol's own, one that does nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from pytest_failhard.rules.data import confessions as confessing
from pytest_failhard.rules.data import stubs as data
from pytest_failhard.rules.handlers import is_log_call
from pytest_failhard.rules.values import literal
from pytest_failhard.source.classes import body, decorators
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, last_part, own_nodes


def is_dunder(name: str) -> bool:
    """Tell whether Python itself gives the name its meaning."""
    return name.startswith("__") and name.endswith("__")


def is_abstract(module: Module, function: FunctionNode) -> bool:
    """Tell whether a function only declares: decorated so, or a method of an interface."""
    if is_declared_abstract(function):
        return True
    owner = module.class_of(function)
    return owner is not None and is_interface(owner)


def is_declared_abstract(function: FunctionNode) -> bool:
    """Tell whether a decorator says that a function has no body of its own."""
    return bool(decorators(function) & data.ABSTRACT_DECORATORS)


def is_interface(node: ast.ClassDef) -> bool:
    """Tell whether a class is there to be implemented: by its bases, its metaclass or a method of its own."""
    named = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    named += [each.value for each in node.keywords if each.arg == "metaclass"]
    bases = {last_part(each) for each in named}
    return (
        bool(bases & data.ABSTRACT_BASES)
        or any(data.INTERFACE in name for name in bases)
        or any(
            decorators(each) & data.ABSTRACT_DECORATORS for each in node.body if isinstance(each, FUNCTIONS)
        )
    )


def raises_only(statements: Sequence[ast.stmt]) -> bool:
    """Tell whether a body does nothing but raise."""
    return len(statements) == 1 and isinstance(statements[0], ast.Raise)


def parameters(module: Module, function: FunctionNode) -> list[str]:
    """Return the names of a function's own parameters: no `self`, no `cls`, no `*args` and `**kwargs`."""
    given = function.args
    plain = [*given.posonlyargs, *given.args]
    if module.class_of(function) is not None and "staticmethod" not in decorators(function):
        plain = plain[1:]
    return [each.arg for each in (*plain, *given.kwonlyargs)]


def is_sleep(module: Module, statement: ast.stmt) -> bool:
    """Tell whether a statement only lets time pass."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    return isinstance(value, ast.Call) and module.resolve(value.func) in confessing.SLEEPS


def working(module: Module, statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that are more than a log call, a sleep, a text or `pass`."""
    for each in statements:
        is_text = isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
        if not (is_text or isinstance(each, ast.Pass) or is_log_call(each) or is_sleep(module, each)):
            yield each


def is_idle(module: Module, function: FunctionNode) -> bool:
    """Tell whether a function does nothing: at most it logs one text or sleeps, and that is not its work."""
    statements = body(function)
    if any(working(module, statements)):
        return False
    logs = [each for each in statements if is_log_call(each)]
    if not logs:
        return True
    calls = [each for each in ast.walk(logs[0]) if isinstance(each, ast.Call)]
    return len(logs) == 1 == len(calls) and not data.LOGGING_NAME.search(function.name)


def answer(module: Module, function: FunctionNode, value: ast.expr | None) -> str:
    """Return the kind of literal that a function answers with, an attribute of its class included.

    A list or dict that is filled with something else before it is returned is none.
    """
    kind = literal(module, value)
    if kind and isinstance(value, ast.Name) and not all(_fillings(module, function, value.id)):
        return ""
    if kind or not isinstance(value, ast.Attribute):
        return kind
    owner = module.class_of(function)
    is_own = isinstance(value.value, ast.Name) and value.value.id in {"self", "cls"}
    if owner is None or not is_own or _is_assigned(module, value.attr):
        return ""
    bound = [each.value for each in owner.body if isinstance(each, ast.Assign) and _names(each, value.attr)]
    return literal(module, bound[0]) if len(bound) == 1 else ""


def _fillings(module: Module, function: FunctionNode, name: str) -> Iterator[bool]:
    """Yield for each thing that is put into a local list or dict whether it is a literal."""
    for each in own_nodes(function, ast.Name):
        above = module.parent(each) if isinstance(each, ast.Name) and each.id == name else None
        holder = module.parent(above) if above is not None else None
        if isinstance(above, ast.Attribute) and isinstance(holder, ast.Call) and holder.func is above:
            yield all(literal(module, given) for given in holder.args)
        elif isinstance(above, ast.Subscript) and isinstance(holder, ast.Assign):
            yield bool(literal(module, holder.value)) or holder.value is above


def _names(statement: ast.Assign, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in statement.targets)


def _is_assigned(module: Module, attribute: str) -> bool:
    return any(
        node.attr == attribute and not isinstance(node.ctx, ast.Load) for node in module.nodes(ast.Attribute)
    )
