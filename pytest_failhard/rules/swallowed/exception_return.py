"""FH101: a handler of everything that answers in place of what failed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import chain

from pytest_failhard.rules.assigned import assigned
from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.fallback_names import is_fallback_name
from pytest_failhard.rules.flags import tested_after
from pytest_failhard.rules.handlers import running
from pytest_failhard.rules.handlings import Handling, answers, following, handlings, preset
from pytest_failhard.rules.routes import is_route
from pytest_failhard.rules.security import is_security_check
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import carries_error, literal
from pytest_failhard.source.module import FunctionNode, Module, last_part, walk

FIX = "catch the narrow type and raise a domain error from it, or let it propagate"


class SwallowedExceptionReturn(StaticRule):
    """Any failure at all is answered as if it were a result.

    Finds:
        A handler of everything (bare, Exception, BaseException, or an enumeration that comes to the same)
        which cannot fail itself and ends in a return: of a literal, of a parameter, of an expression. The
        same in a `finally` that returns, as a `yield`, and as a literal that is set before the try and
        returned after it. Decorators that take the value to return on failure count, too.
    Why:
        The caller cannot tell an answer from a failure: an empty list from a database that is down, True
        from a check that never ran.
    Subs:
        `error-value` the value visibly carries the error; `input-unchanged` a parameter is handed back;
        `true` the check says yes; `none`; `empty`; `data` made-up content; `const`; `false-probe` False
        from a function that asks whether; `false-action` False from any other; `expr` anything else.
    Bad:
        def load(path):
            try:
                return parse(path)
            except Exception:
                logger.exception("failed")
                return {}
    Good:
        def load(path):
            try:
                return parse(path)
            except ValueError as error:
                raise ConfigError(path) from error
    Exempt:
        An exit code of a command (a number of at least 1 in `main`, `run`, `cli`, `cmd_*`, `command*`,
        `handle*`, or where the function is annotated `-> int`); a tuple that begins with False or None;
        functions that only display (`format_*`, `render_*`, `__repr__`, `__str__`).
    Evasions:
        Aliases and enumerations of exceptions; `dict()` for `{}`; a function that returns a literal;
        `Result.ok([])`; an error key that is empty; a default in a decorator; `finally: return`.
    Measured:
        In sample: data, const and empty 14 of 18 true before the exemptions, none 11 of 14, true 6 of 6,
        input-unchanged 7 of 8, expr 3 of 6, false-action 3 of 8, false-probe 0 of 3, error-value 0 of 6.
    """

    code = "FH101"
    name = "swallowed-exception-return"
    gate = "fallbacks"
    family = "swallowed"
    subs = (
        *("error-value", "input-unchanged", "true", "none", "empty", "data", "const"),
        *("false-probe", "false-action", "expr"),
    )

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each answer in place of a failure."""
        for handling in handlings(module):
            if handling.swallows and handling.function and not data.DISPLAY.search(handling.function.name):
                yield from self._handled(module, handling, handling.function)
        yield from self._decorated(module)

    def _handled(self, module: Module, handling: Handling, function: FunctionNode) -> Iterator[Hit]:
        sub = (
            _sub(module, handling, function)
            or _preset(module, handling, function)
            or _flagged(module, handling, function)
            or _assigned(module, handling, function)
        )
        if sub:
            yield self.hit(
                module,
                handling.node,
                f"{module.qualname(function)} answers {_ANSWERS[sub]} whatever went wrong",
                FIX,
                sub=sub,
                details=handling.details,
            )

    def _decorated(self, module: Module) -> Iterator[Hit]:
        for function in chain.from_iterable(module.functions.values()):
            for decorator in function.decorator_list:
                sub = _decorator_sub(module, decorator)
                if sub:
                    message = f"a decorator lets {module.qualname(function)} answer {_ANSWERS[sub]}"
                    yield self.hit(module, decorator, f"{message} whatever went wrong", FIX, sub=sub)


_ANSWERS = {
    "error-value": "a value that names the error",
    "input-unchanged": "its own input",
    "true": "True",
    "none": "None",
    "empty": "something empty",
    "data": "made-up data",
    "const": "a constant",
    "false-probe": "False",
    "false-action": "False",
    "expr": "something else",
}


def _sub(module: Module, handling: Handling, function: FunctionNode) -> str:
    """Return the first sub that one of the ends of a handler has; empty for none."""
    for end in answers(handling.body):
        if isinstance(end, ast.Yield) and not _is_only_yield(module, handling, end):
            continue
        sub = _sub_of(module, handling, function, end.value)
        if sub:
            return sub
    return ""


def _yields_error(module: Module, handling: Handling) -> bool:
    """Tell whether a handler yields the error before it ends a generator."""
    return any(
        isinstance(each, ast.Yield) and names_error(module, each.value, handling.bound)
        for each in running(handling.body)
    )


def _is_only_yield(module: Module, handling: Handling, end: ast.Yield) -> bool:
    """Tell whether a handler yields a literal and nothing else: more than one is a report of the failure."""
    yields = [each for each in running(handling.body) if isinstance(each, ast.Yield | ast.YieldFrom)]
    return yields == [end] and bool(literal(module, end.value))


def _sub_of(module: Module, handling: Handling, function: FunctionNode, value: ast.expr | None) -> str:
    if isinstance(value, ast.Await):
        value = value.value
    if _is_exempt(module, function, value):
        return ""
    if literal(module, value) == "none" and _yields_error(module, handling):
        return "error-value"
    if names_error(module, value, handling.bound):
        return "" if _is_body(module, function, value) else "error-value"
    if isinstance(value, ast.Name) and value.id in _parameters(function):
        return "input-unchanged"
    if isinstance(value, ast.Call) and is_fallback_name(last_part(value)):
        # FH106 says it, unless the function has nothing in it at all.
        return _by_kind(function, literal(module, value))
    return _by_kind(function, literal(module, value) or "expr")


def _by_kind(function: FunctionNode, kind: str) -> str:
    if kind == "true" and is_security_check(function.name):
        return ""  # FH110 says it.
    if kind == "false":
        return "false-probe" if data.PROBE.search(function.name) else "false-action"
    return kind


def _is_body(module: Module, function: FunctionNode, value: ast.expr | None) -> bool:
    """Tell whether a value is the body of a response: FH109 says it."""
    return is_route(module, function) and value is not None and isinstance(module.value(value), ast.Dict)


def _preset(module: Module, handling: Handling, function: FunctionNode) -> str:
    found = preset(module, handling)
    return _by_kind(function, found[1]) if found else ""


def _flagged(module: Module, handling: Handling, function: FunctionNode) -> str:
    """Return the sub of a literal that is returned behind the try because of a flag set in the handler."""
    after = tested_after(module, handling)
    ends = answers(after) if after else ()
    return next((_by_kind(function, kind) for end in ends if (kind := literal(module, end.value))), "")


def _assigned(module: Module, handling: Handling, function: FunctionNode) -> str:
    """Return the sub of a literal that only the handler assigns, and that is returned behind the try."""
    after = next((each for each in following(module, handling.attempt) if isinstance(each, ast.Return)), None)
    if after is None or not isinstance(after.value, ast.Name) or isinstance(handling.body[-1], _JUMPS):
        return ""
    value = assigned(module, handling.body).get(after.value.id)
    if value is None or after.value.id in assigned(module, handling.attempt.body):
        return ""  # FH107 says it where the try assigns the name, too.
    kind = "" if names_error(module, value, handling.bound) else literal(module, value)
    return _by_kind(function, kind)


_JUMPS = (ast.Return, ast.Continue, ast.Break)


def _parameters(function: FunctionNode) -> frozenset[str]:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return frozenset(each.arg for each in named) - {"self", "cls"}


def _is_exempt(module: Module, function: FunctionNode, value: ast.expr | None) -> bool:
    if value is None:
        return False
    known = module.value(value)
    if isinstance(known, ast.Tuple) and known.elts:
        return literal(module, known.elts[0]) in {"false", "none"}
    if not isinstance(known, ast.Constant) or type(known.value) is not int or known.value < 1:
        return False
    returns_code = isinstance(function.returns, ast.Name) and function.returns.id == "int"
    return returns_code or bool(data.COMMAND.search(function.name))


def names_error(module: Module, value: ast.expr | None, bound: str | None) -> bool:
    """Tell whether a value carries the error: by its text or name, or by a status that says so."""
    if value is None:
        return False
    if carries_error(module, module.value(value), bound):
        return True
    return any(_says_error(each) for each in walk(value))


def _says_error(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute | ast.Call):
        return bool(data.ERROR_PART.search(last_part(node)))
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return data.FIRST_ERROR_STATUS <= node.value < 2 * data.FIRST_ERROR_STATUS - 200
    return False


def _decorator_sub(module: Module, decorator: ast.expr) -> str:
    resolved = module.resolve(decorator.func if isinstance(decorator, ast.Call) else decorator)
    if resolved.startswith("returns.maybe."):
        return "none"
    if not isinstance(decorator, ast.Call):
        return ""
    for keyword in decorator.keywords:
        if keyword.arg in data.DEFAULTS and data.SWALLOWING.search(last_part(decorator)):
            return _NEUTRAL.get(literal(module, keyword.value), literal(module, keyword.value))
        if keyword.arg == "reraise" and literal(module, keyword.value) == "false":
            # tenacity raises its own RetryError then.
            return "" if resolved.startswith("tenacity.") else "expr"
    return ""


_NEUTRAL = {"": "expr", "false": "false-action"}
