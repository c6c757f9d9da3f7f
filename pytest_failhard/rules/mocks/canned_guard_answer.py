"""FH204: a missing key or client is answered instead of reported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.approvals import evidence, standing
from pytest_failhard.rules.availability import absent, present
from pytest_failhard.rules.data import mocks as data
from pytest_failhard.rules.data.values import ERROR_TEXT
from pytest_failhard.rules.handlers import raises
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import carries_error, literal
from pytest_failhard.source.module import Module, last_part

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

UNAVAILABLE = ("unavailable",)
"""What an approval names as `on` where no exception is caught."""
KINDS = {"data": "literal", "const": "literal", "true": "literal"}
FIX = "refuse at start-up, or raise what is missing: a canned answer looks like a real one"


class CannedGuardAnswer(StaticRule):
    """A missing key or client is answered instead of reported.

    Finds:
        A test that an API key, a client or a model is absent, and a literal or a call of a fallback as the
        answer; also the other way round, with the answer in `else`, and as an expression.
    Why:
        A system without its key then works for everybody who looks at it, and nobody sees what is missing.
    Subs:
        `literal`: a text, a number, True, or data.
        `fallback`: a call of something named like a fallback, or a null client put in place.
        `empty`: None, False, or something empty.
    Bad:
        def summary(api_key, text):
            if not api_key:
                return "AI is not available, a sample answer"
            return ask(api_key, text)
    Good:
        def summary(api_key, text):
            if not api_key:
                raise ConfigurationError("API_KEY is not set")
            return ask(api_key, text)
    Exempt:
        Optional authentication (`HTTPAuthorizationCredentials | None`, `credentials` taken from a
        request); a choice between two texts, one for each branch; tuples that begin with None or False;
        values that carry an error; dicts with a `status_code`; functions that only tell whether the
        thing is there; clean-up, which has nothing to close; a fallback in `approved_fallbacks` (`on` is
        `unavailable`) whose answer carries the field of its `attribution`.
    Evasions:
        The inverted guard, a conditional expression, `x and x.call() or CANNED`, an early
        `self.client = NullClient()`, the guard in a decorator, `match`, and
        `getattr(self, "client", None) or Canned()`.
    Measured:
        Out of sample, as drawn: 36 of 42 break the policy, 8 do harm; 3 wrong ones are exempt since.
    """

    code = "FH204"
    name = "canned-guard-answer"
    gate = "fallbacks"
    family = "mocks"
    subs = ("literal", "fallback", "empty")
    nodes = (ast.If, ast.IfExp, ast.BoolOp, ast.Match)

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return a hit where the branch without the thing answers."""
        if isinstance(node, ast.If):
            yield from self._branches(node, module)
        elif isinstance(node, ast.IfExp):
            yield from self._expression(node, module)
        elif isinstance(node, ast.BoolOp):
            yield from self._chain(node, module)
        elif isinstance(node, ast.Match) and present(node.subject, module):
            for case in node.cases:
                if isinstance(case.pattern, ast.MatchSingleton) and not case.pattern.value:
                    yield from self._body(case.pattern, case.body, module)

    def _branches(self, node: ast.If, module: Module) -> Iterable[Hit]:
        rest = node.orelse or _following(node, module)
        if _is_choice(node.body, rest, module):
            return
        if absent(node.test, module):
            yield from self._body(node, node.body, module)
        elif present(node.test, module):
            yield from self._body(node, rest, module)

    def _body(self, node: ast.AST, body: Sequence[ast.stmt], module: Module) -> Iterable[Hit]:
        if not body or raises(module, body) or any(map(_yields_error, body)):
            return
        last = body[-1]
        put = next((each for each in body if isinstance(each, ast.Assign) and _is_canned(each.value)), None)
        if put is not None:
            yield from self._answer(node, put.value, module)
        elif isinstance(last, ast.Return):
            yield from self._answer(node, last.value, module)

    def _expression(self, node: ast.IfExp, module: Module) -> Iterable[Hit]:
        is_absent = absent(node.test, module)
        value = node.body if is_absent else node.orelse
        is_used = isinstance(module.parent(node), ast.Return) or _is_canned(value)
        if is_used and (is_absent or present(node.test, module)):
            yield from self._answer(node, value, module)

    def _chain(self, node: ast.BoolOp, module: Module) -> Iterable[Hit]:
        """Look at `x and x.call() or CANNED` where it is returned, and at `client or NullClient()`."""
        if not isinstance(node.op, ast.Or):
            return
        first, last = node.values[0], node.values[-1]
        is_call = isinstance(first, ast.BoolOp) and present(first.values[0], module)
        is_returned = isinstance(module.parent(node), ast.Return)
        if (is_call and is_returned) or (_is_canned(last) and (is_call or present(first, module))):
            yield from self._answer(node, last, module)

    def _answer(self, node: ast.AST, value: ast.expr | None, module: Module) -> Iterable[Hit]:
        kind = literal(module, value)
        sub = "fallback" if _is_canned(value) else KINDS.get(kind, "empty" if kind else "")
        if not sub or _is_honest(node, value, kind, module):
            return
        where = module.qualname(node) or module.name
        found = evidence(module, [], _called(value), UNAVAILABLE) if sub == "fallback" else {}
        message = f"{where} answers although what it needs is missing"
        yield self.hit(module, node, message, FIX, sub=sub, details=found)

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Leave out the fallbacks that the project has declared and that say who answers."""
        del index
        return standing(hits, options)


def _called(value: ast.expr | None) -> ast.AST:
    """Return what a call calls, behind an `await`."""
    if isinstance(value, ast.Await):
        value = value.value
    return value.func if isinstance(value, ast.Call) else ast.Constant(value=None)


def _following(node: ast.If, module: Module) -> Sequence[ast.stmt]:
    """Return what runs when a guard without `else` that returns is passed by."""
    above = module.parent(node)
    body = getattr(above, "body", [])
    if not isinstance(node.body[-1], ast.Return) or not isinstance(body, list) or node not in body:
        return ()
    rest: Sequence[ast.stmt] = body[body.index(node) + 1 :]
    return rest if len(rest) == 1 else ()


def _is_choice(body: Sequence[ast.stmt], rest: Sequence[ast.stmt], module: Module) -> bool:
    """Tell whether both branches only return a text: what is chosen is a name, and nothing was asked."""
    returned = [each.value for each in (*body, *rest) if isinstance(each, ast.Return)]
    is_only = len(body) == len(rest) == 1 and len(returned) == len((body, rest))
    return is_only and all(module.text(each) for each in returned)


def _yields_error(statement: ast.stmt) -> bool:
    """Tell whether a generator hands out a value that carries an error before it ends."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Yield) and any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) and ERROR_TEXT.search(each.value)
        for each in ast.walk(value)
    )


def _is_canned(value: ast.expr | None) -> bool:
    """Tell whether a value comes from a call of something that is named like a fallback."""
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call):
        return False
    name = last_part(value)
    if data.NO_FALLBACK.match(name):
        return False
    return data.FALLBACK_NAME.search(name) is not None or data.CANNED_CLASS.match(name) is not None


def _is_honest(node: ast.AST, value: ast.expr | None, kind: str, module: Module) -> bool:
    """Tell whether an answer says that something is missing, or asks for nothing."""
    function = module.function(node)
    name = function.name if function is not None else ""
    if data.CLEANUP.match(name) or (kind in data.PROBE_KINDS and data.PROBE.search(name)):
        return True
    return value is not None and (carries_error(module, value, None) or _says_so(value))


def _says_so(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict):
        return any(isinstance(key, ast.Constant) and key.value == "status_code" for key in value.keys)
    if isinstance(value, ast.Tuple) and value.elts:
        first = value.elts[0]
        return isinstance(first, ast.Constant) and (first.value is None or first.value is False)
    return False
