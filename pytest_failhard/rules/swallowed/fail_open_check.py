"""FH110: a security check that lets everybody in when it fails."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pytest_failhard.rules.assigned import assigned
from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlings import (
    Handling,
    answers,
    following,
    handlings,
    in_finally,
    is_noted,
    is_silent,
    preset,
)
from pytest_failhard.rules.later import last_denial
from pytest_failhard.rules.security import is_security_check
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import FunctionNode, Module, last_part, own_nodes


class FailOpenSecurityCheck(StaticRule):
    """A check of who may do what says yes, or nothing, when it cannot be made.

    Finds:
        In a function whose name speaks of authentication, tokens, permissions, signatures or validation: a
        handler of whatever width that returns True, or drops the exception and lets the function go on.
    Why:
        Whoever makes the check fail is let in.
    Subs:
        `true` says yes; `pass` goes on behind the try; `continue` goes on with the next item.
    Bad:
        def verify_token(token):
            try:
                return decode(token).valid
            except Exception:
                return True
    Good:
        def verify_token(token):
            try:
                return decode(token).valid
            except InvalidToken:
                return False
    Exempt:
        Handlers after which the function returns False or None or raises; functions that only read a token
        to show it.
    Evasions:
        The permission given before the try; `return not failed`; `allowed = True` in the handler; a
        decorator that calls the view on error.
    Measured:
        In sample: 5 of 7 true; as FH101/true 6 of 6.
    """

    code = "FH110"
    name = "fail-open-security-check"
    gate = "fallbacks"
    family = "swallowed"
    subs = ("true", "pass", "continue")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each handler that lets a check go on."""
        for handling in handlings(module):
            if handling.fails or handling.function is None:
                continue
            sub = _sub(module, handling, handling.function)
            if sub:
                yield self.hit(
                    module,
                    handling.node,
                    f"{module.qualname(handling.function)} {_SAYS[sub]} when the check itself fails",
                    "deny: return False for what is invalid, and let every other error propagate",
                    sub=sub,
                    details=handling.details,
                )


_SAYS = {"true": "says yes", "pass": "goes on", "continue": "goes on with the next item"}


def _sub(module: Module, handling: Handling, function: FunctionNode) -> str:
    if _calls_view(module, handling):
        return "true"
    if not is_security_check(function.name):
        return ""
    if _allows(module, handling):
        return "true"
    if not _guards(module, function) or not _goes_on(handling, module):
        return ""
    if _denies_later(module, handling, function):
        return ""
    return "continue" if isinstance(handling.body[-1], ast.Continue) else "pass"


def _goes_on(handling: Handling, module: Module) -> bool:
    if not isinstance(handling.node, ast.ExceptHandler) or in_finally(module, handling.attempt):
        return False
    return is_silent(handling) or is_noted(module, handling)


def _allows(module: Module, handling: Handling) -> bool:
    if any(literal(module, end.value) == "true" for end in answers(handling.body)):
        return True
    for target, value in assigned(module, handling.body).items():
        kind = literal(module, value) if value is not None else ""
        name = target.rpartition(".")[2]
        if (kind == "true" and data.ALLOWS.search(name)) or (kind == "false" and data.DENIES.search(name)):
            return True
    found = preset(module, handling)
    return (found is not None and found[1] == "true") or _returns_no_failure(module, handling)


def _returns_no_failure(module: Module, handling: Handling) -> bool:
    """Tell whether `return not failed` follows, and the handler has not said that it failed."""
    changed = assigned(module, handling.body)
    return any(
        isinstance(after, ast.Return)
        and isinstance(after.value, ast.UnaryOp)
        and isinstance(after.value.op, ast.Not)
        and isinstance(after.value.operand, ast.Name)
        and after.value.operand.id not in changed
        and data.DENIES.search(after.value.operand.id)
        for after in following(module, handling.attempt)
    )


def _guards(module: Module, function: FunctionNode) -> bool:
    """Tell whether what a function goes on with is a permission: no token that it gets, no report."""
    if data.KEEPING.search(function.name):
        return False
    if data.SECURITY_WORD.search(function.name):
        return True
    returns = own_nodes(function, ast.Return)
    return all(literal(module, each.value) in {"true", "false", "none"} for each in returns)


def _denies_later(module: Module, handling: Handling, function: FunctionNode) -> bool:
    """Tell whether the function can still deny behind the try, or in the `else` of the loop around it."""
    if last_denial(module, function) > (handling.attempt.end_lineno or 0):
        return True
    loops = (above for above in module.ancestors(handling.attempt) if isinstance(above, ast.For | ast.While))
    return any(loop.orelse for loop in loops)


def _calls_view(module: Module, handling: Handling) -> bool:
    """Tell whether a handler in a decorator for security calls what it decorates."""
    outer = [
        each for each in module.ancestors(handling.function or module.tree) if isinstance(each, FunctionNode)
    ]
    if not outer or not any(is_security_check(each.name) for each in outer):
        return False
    given = {argument.arg for each in outer for argument in each.args.args}
    return any(
        isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and last_part(value) in given
        for value in (_awaited(end.value) for end in answers(handling.body))
    )


def _awaited(value: ast.expr | None) -> ast.expr | None:
    return value.value if isinstance(value, ast.Await) else value
