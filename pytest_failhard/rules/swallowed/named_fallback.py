"""FH106: what stands in for a failed dependency calls itself a fallback."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.approvals import evidence, standing
from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.data.values import BROAD
from pytest_failhard.rules.fallback_names import is_fallback_name
from pytest_failhard.rules.flags import tested_after
from pytest_failhard.rules.handlers import raises, running
from pytest_failhard.rules.handlings import handlings
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import Module, last_part

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

FIX = "raise an error that says what is unavailable, or declare the fallback and let the answer name it"


class NamedFallback(StaticRule):
    """A failed call is answered by something that calls itself a fallback, a mock, a sample or a heuristic.

    Finds:
        A handler of whatever width, or the `else` of a test whether a dependency is there, that returns,
        assigns or calls something named so, and cannot fail.
    Why:
        The answer looks like the real one, and nobody who gets it can tell.
    Subs:
        Without a sub the fallback itself; `unmatched-approval` an entry of `approved_fallbacks` that
        matches nothing in the code.
    Bad:
        def answer(self, question):
            try:
                return self.client.ask(question)
            except APIError:
                return self._mock_answer(question)
    Good:
        def answer(self, question):
            try:
                return self.client.ask(question)
            except APIError as error:
                raise AnswerUnavailable(question) from error
    Exempt:
        `setdefault`, `default_timer`, `get_default*`; a name such as `default = ...` that is no call; a
        fallback in `approved_fallbacks` whose answer carries the field of its `attribution`. What is
        canned, mocked, sampled or empty cannot be approved.
    Evasions:
        The function passed as a value, through `partial` or `getattr`, or from a table; `yield from`; a
        function of another name that returns made-up data; a flag set in the handler and tested later.
    Measured:
        In sample: 15 of 15 true; judged again on other code 6 of 6, 5 of them harmful.
    """

    code = "FH106"
    name = "named-fallback"
    gate = "fallbacks"
    family = "swallowed"
    subs = ("unmatched-approval",)

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each named fallback, with what an approval would have to say of it."""
        seen: set[ast.AST] = set()
        for body, on in _substitutions(module):
            found = next(_fallbacks(module, body), None)
            if found is not None and found[0] not in seen:
                seen.add(found[0])
                measured = _is_answer(module, found[0]) or bool(BROAD & set(on))
                unmeasured = {} if measured else {"unmeasured": "form"}
                yield self._hit(
                    module, found[0], found[1], {**evidence(module, body, found[1], on), **unmeasured}
                )

    def _hit(self, module: Module, node: ast.expr, called: ast.AST, details: Mapping[str, str]) -> Hit:
        where = module.qualname(node) or "the module"
        name = last_part(called) or "a fallback"
        return self.hit(
            module, node, f"{where} answers through {name} when the call fails", FIX, details=details
        )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the fallbacks that nobody has approved."""
        del index
        return standing(hits, options)


def _substitutions(module: Module) -> Iterator[tuple[Sequence[ast.stmt], tuple[str, ...]]]:
    """Yield each body that runs in place of what failed, and on which exceptions."""
    for handling in handlings(module):
        if not handling.fails and isinstance(handling.node, ast.ExceptHandler):
            yield handling.body, handling.names
            after = tested_after(module, handling)
            if after and not raises(module, after):
                yield after, handling.names
    for test in module.nodes(ast.If):
        if test.orelse and _asks_availability(module, test.test) and not raises(module, test.orelse):
            yield test.orelse, ("unavailable",)


def _is_answer(module: Module, call: ast.expr) -> bool:
    """Tell whether a call is what its function returns, and not only assigned or made on the way."""
    statement = next((above for above in module.ancestors(call) if isinstance(above, ast.stmt)), None)
    return isinstance(statement, ast.Return) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield | ast.YieldFrom)
    )


def _asks_availability(module: Module, test: ast.expr) -> bool:
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.IsNot):
        test = test.left
    if isinstance(test, ast.BoolOp):
        return any(_asks_availability(module, each) for each in test.values)
    return isinstance(test, ast.Name | ast.Attribute) and bool(data.AVAILABLE.search(_dotted(test)))


def _dotted(node: ast.expr) -> str:
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else last_part(node)


def _fallbacks(module: Module, body: Sequence[ast.stmt]) -> Iterator[tuple[ast.expr, ast.AST]]:
    """Yield the calls in a body that make the substitute, and what is called in the end."""
    for call in running(body):
        called = _substitute(module, call) if isinstance(call, ast.Call) else None
        if isinstance(call, ast.Call) and called is not None:
            yield call, called


def _substitute(module: Module, call: ast.Call) -> ast.AST | None:
    if is_fallback_name(last_part(call)):
        return call.func
    if isinstance(call.func, ast.Subscript):
        return _from_table(module, call.func)
    if isinstance(call.func, ast.Name) and call.func.id == "getattr" and len(call.args) > 1:
        text = module.text(call.args[1])
        return call.args[1] if text and is_fallback_name(text) else None
    for given in (*call.args, *(each.value for each in call.keywords)):
        if isinstance(given, ast.Name | ast.Attribute) and _is_function(module, given):
            return given
    return call.func if literal(module, call) == "data" and last_part(call) in module.functions else None


def _is_function(module: Module, given: ast.Name | ast.Attribute) -> bool:
    name = last_part(given)
    return name in module.functions and is_fallback_name(name)


def _from_table(module: Module, item: ast.Subscript) -> ast.AST | None:
    table = module.value(item.value)
    if not isinstance(table, ast.Dict):
        return None
    return next((each for each in table.values if is_fallback_name(last_part(each))), None)
