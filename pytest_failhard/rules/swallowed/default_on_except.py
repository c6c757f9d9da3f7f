"""FH107: a handler of everything that puts a default where the result should be."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.assigned import assigned
from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlers import running
from pytest_failhard.rules.handlings import (
    Handling,
    answers,
    handlings,
    is_noted,
    is_silent,
    preset,
    preset_kind,
)
from pytest_failhard.rules.later import is_refused, last_read
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import carries_error, literal
from pytest_failhard.source.module import Module, last_part


class DefaultOnExcept(StaticRule):
    """What could not be computed gets a default, and the program goes on with it.

    Finds:
        A handler of everything, which cannot fail, that assigns a literal to a name or attribute which
        the try assigns, too; the same in a `finally`, and a literal that the name has before the try.
    Why:
        From here on a failure is a value: no rows, a price of 0, an empty configuration.
    Bad:
        def report():
            try:
                rows = load()
            except Exception:
                logger.exception("no rows")
                rows = []
            return render(rows)
    Good:
        def report():
            rows = load()
            return render(rows)
    Exempt:
        A target that names an outcome (`status`, `healthy`, `valid`, ...) or a text that does (`unknown`,
        `degraded`, ...); a flag that is True in the try and False in the handler; a handler that also
        appends to a list of errors; a name that the function tests afterwards in order to raise, to exit
        or to return an error; functions that only display.
    Evasions:
        The default assigned before the try; `setattr`, `update`, tuple unpacking, a walrus; `finally`.
    Measured:
        In sample: 5 of 7 true; judged again on other code 3 of 6, before the last two exemptions.
    """

    code = "FH107"
    name = "default-on-except"
    gate = "fallbacks"
    family = "swallowed"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each default in place of a result."""
        for handling in handlings(module):
            caught = handling.swallows and isinstance(handling.node, ast.ExceptHandler)
            if caught and not (handling.function and data.DISPLAY.search(handling.function.name)):
                target = _defaulted(module, handling)
                if target:
                    where = module.qualname(handling.node) or "the module"
                    yield self.hit(
                        module,
                        handling.node,
                        f"{where} goes on with a default for {target} whatever went wrong",
                        "let the error propagate",
                        details=handling.details,
                    )


def _defaulted(module: Module, handling: Handling) -> str:
    """Return the first target that gets a default and may not; empty for none."""
    if _records(handling) or answers(handling.body):
        return ""
    tried = assigned(module, handling.attempt.body)
    in_place = [handling.body, handling.attempt.finalbody]
    for target, value in (pair for body in in_place for pair in assigned(module, body).items() if tried):
        if target not in tried or not _is_default(module, value) or _is_flag(module, tried[target], value):
            continue
        if not _is_exempt(module, handling, target, value):
            return target
    return _default_before(module, handling)


def _is_default(module: Module, value: ast.expr | None) -> bool:
    if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or):
        value = value.values[-1]
    return value is not None and bool(literal(module, value))


def _is_flag(module: Module, tried: ast.expr | None, value: ast.expr | None) -> bool:
    """Tell whether a target says whether the try went well: True there, and False here."""
    if tried is None or value is None:
        return False
    return literal(module, value) == "false" and literal(module, tried) in {"true", "false"}


def _is_exempt(module: Module, handling: Handling, target: str, value: ast.expr | None) -> bool:
    name = target.removesuffix("]")
    if data.OUTCOME_NAME.search(name) or carries_error(module, value, handling.bound):
        return True
    if value is not None and literal(module, value) == "false" and data.STATE_NAME.search(name):
        return True
    text = module.text(value)
    if text is not None and data.OUTCOME_TEXT.search(text):
        return True
    return is_refused(module, handling.function, target, handling.attempt.end_lineno or 0)


def _records(handling: Handling) -> bool:
    """Tell whether a handler appends to something that gathers failures."""
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"append", "add", "extend", "put"}
        and data.ERROR_NAME.search(last_part(call.func.value))
        for call in running(handling.body)
    )


def _default_before(module: Module, handling: Handling) -> str:
    """Return a name that has a literal before the try and is read behind it as if the try had set it."""
    if preset(module, handling) or not (is_silent(handling) or is_noted(module, handling)):
        return ""
    if isinstance(handling.body[-1], ast.Continue):
        return ""
    end = handling.attempt.end_lineno or 0
    for name in _set_by(handling):
        read = last_read(module, handling.function, name.id) > end
        if read and preset_kind(module, handling, name) and not _is_accepted(module, handling, name.id):
            return name.id
    return ""


def _is_accepted(module: Module, handling: Handling, name: str) -> bool:
    end = handling.attempt.end_lineno or 0
    return bool(data.OUTCOME_NAME.search(name)) or is_refused(module, handling.function, name, end)


def _set_by(handling: Handling) -> Iterator[ast.Name]:
    """Yield the names that the try assigns."""
    for node in running(handling.attempt.body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node
