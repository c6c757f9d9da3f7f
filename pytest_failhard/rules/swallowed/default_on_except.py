"""FH107: a handler of everything that puts a default where the result should be."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from pytest_failhard.rules.assigned import assigned
from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlers import raises, running
from pytest_failhard.rules.handlings import (
    Handling,
    answers,
    following,
    handlings,
    is_noted,
    is_silent,
    preset,
    preset_kind,
)
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import carries_error, literal
from pytest_failhard.source.module import Module, last_part, own_nodes


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
    return _is_refused(module, handling, target)


def _records(handling: Handling) -> bool:
    """Tell whether a handler appends to something that gathers failures."""
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"append", "add", "extend", "put"}
        and data.ERROR_NAME.search(last_part(call.func.value))
        for call in running(handling.body)
    )


def _is_refused(module: Module, handling: Handling, target: str) -> bool:
    """Tell whether the function tests a target afterwards, and raises, exits or returns an error."""
    last = handling.attempt.end_lineno or 0
    for test in own_nodes(handling.function or module.tree, ast.If):
        if test.lineno > last and target in _read(test.test) and _refuses(module, test.body + test.orelse):
            return True
    return False


def _read(test: ast.expr) -> frozenset[str]:
    return frozenset(dotted(each) for each in ast.walk(test) if isinstance(each, ast.Name | ast.Attribute))


def dotted(node: ast.expr) -> str:
    """Return a name or attribute as it is written."""
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else last_part(node)


def _refuses(module: Module, body: Sequence[ast.stmt]) -> bool:
    if raises(module, body):
        return True
    ends = (each for statement in body for each in (statement, *own_nodes(statement, ast.Return)))
    return any(isinstance(each, ast.Return) and carries_error(module, each.value, None) for each in ends)


def _default_before(module: Module, handling: Handling) -> str:
    """Return a name that has a literal before the try and is used behind it as if the try had set it."""
    if preset(module, handling) or not (is_silent(handling) or is_noted(module, handling)):
        return ""
    if isinstance(handling.body[-1], ast.Continue):
        return ""
    for name in _used_behind(module, handling):
        kind = preset_kind(module, handling, name)
        if kind and not data.OUTCOME_NAME.search(name.id) and not _is_refused(module, handling, name.id):
            return name.id
    return ""


def _used_behind(module: Module, handling: Handling) -> Iterator[ast.Name]:
    seen: set[str] = set()
    for statement in following(module, handling.attempt):
        for name in own_nodes(statement, ast.Name):
            if isinstance(name.ctx, ast.Load) and name.id not in seen:
                seen.add(name.id)
                yield name
