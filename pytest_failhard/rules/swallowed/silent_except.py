"""FH102: a handler of everything that does nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlers import is_log_call, raises
from pytest_failhard.rules.handlings import Handling, handlings, is_cleanup, is_silent, preset
from pytest_failhard.rules.managers import is_manager
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import FunctionNode, Module, last_part

FIX = "catch the one type that is expected, or drop the handler"


class SilentExcept(StaticRule):
    """Any failure at all is dropped without a trace.

    Finds:
        A handler of everything that holds only `pass`, `continue`, `...`, a constant or something to the
        same effect; a `finally` that jumps out of its loop; an exception hook of the interpreter or of the
        event loop that is replaced by a function which neither raises nor logs.
    Why:
        What fails there fails for months before anybody looks.
    Subs:
        `pass` goes on behind the try; `continue` goes on with the next item.
    Bad:
        def publish(item):
            try:
                send(item)
            except Exception:
                pass
    Good:
        def publish(item):
            try:
                send(item)
            except ConnectionResetError:
                reconnect()
                send(item)
    Exempt:
        Narrow exceptions; cleanup (in `finally`, `close`, `__del__`, `__exit__`, `atexit` functions) whose
        handler has a comment that says why.
    Evasions:
        `_ = None`, `0`, `del e` or the bare name as the only statement; `finally: continue`.
    Measured:
        In sample: 22 of 22 against the policy, 8 of them harmful. Much commoner in generated code, but
        common in hand-written code, too.
    """

    code = "FH102"
    name = "silent-except"
    gate = "fallbacks"
    family = "swallowed"
    subs = ("pass", "continue")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each silent handler and each silent hook."""
        for handling in handlings(module):
            if handling.swallows and _is_dropped(handling) and not _is_accepted(module, handling):
                yield self._hit(module, handling)
        yield from self._hooks(module)

    def _hit(self, module: Module, handling: Handling) -> Hit:
        where = module.qualname(handling.node) or "the module"
        jumps = isinstance(handling.body[-1], ast.Continue | ast.Break)
        return self.hit(
            module,
            handling.node,
            f"{where} drops every exception without a trace",
            FIX,
            sub="continue" if jumps else "pass",
            details=handling.details,
        )

    def _hooks(self, module: Module) -> Iterator[Hit]:
        for node, hook in _replaced(module):
            if _is_mute(module, hook):
                message = f"{last_part(hook) or 'a lambda'} is an exception hook that neither logs nor raises"
                yield self.hit(
                    module, node, message, "log the exception, or leave the hook alone", sub="pass"
                )


def _is_dropped(handling: Handling) -> bool:
    if isinstance(handling.node, ast.ExceptHandler):
        return is_silent(handling)
    return isinstance(handling.node, ast.Continue | ast.Break)


def _is_accepted(module: Module, handling: Handling) -> bool:
    if is_manager(module, handling) or preset(module, handling):
        return True
    return is_cleanup(module, handling) and _has_comment(module, handling)


def _has_comment(module: Module, handling: Handling) -> bool:
    first, last = handling.node.lineno, handling.body[-1].end_lineno or handling.node.lineno
    return any(first <= comment.line <= last for comment in module.comments)


def _replaced(module: Module) -> Iterator[tuple[ast.AST, ast.expr]]:
    for assign in module.nodes(ast.Assign):
        targets = [each for each in assign.targets if isinstance(each, ast.Attribute)]
        if any(each.attr.endswith("hook") and module.resolve(each) in data.HOOKS for each in targets):
            yield assign, assign.value
    for call in module.calls.of((data.LOOP_HOOK,)):
        if call.args:
            yield call, call.args[0]


def _is_mute(module: Module, hook: ast.expr) -> bool:
    known = module.value(hook)
    if isinstance(known, ast.Lambda):
        return not isinstance(known.body, ast.Call)
    found: list[FunctionNode] = list(module.functions.get(last_part(known), ()))
    return len(found) == 1 and not raises(module, found[0].body) and not _calls(found[0])


def _calls(function: FunctionNode) -> bool:
    return any(isinstance(each, ast.Expr) and not is_constant(each) for each in ast.walk(function)) and (
        any(isinstance(each, ast.stmt) and is_log_call(each) for each in ast.walk(function))
        or any(isinstance(each, ast.Call) for each in ast.walk(function))
    )


def is_constant(statement: ast.Expr) -> bool:
    """Tell whether a statement is a constant alone."""
    return isinstance(statement.value, ast.Constant)
