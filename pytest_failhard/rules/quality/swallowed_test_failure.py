"""FH605: a test that catches its own failure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import quality as data
from pytest_failhard.rules.handlers import caught, is_broad, is_log_call
from pytest_failhard.rules.tested import QualityRule, raises_itself
from pytest_failhard.rules.truth import is_true
from pytest_failhard.source.checks import is_check, is_fixture, is_test, live
from pytest_failhard.source.module import FunctionNode, last_part, own_nodes

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import Module

TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))
_PLAIN = (ast.Pass, ast.Continue, ast.Break, ast.Return, ast.Import, ast.ImportFrom)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
NULLCONTEXT = "contextlib.nullcontext"
FIX = "let the exception out; where one is expected, write `pytest.raises`"


class SwallowedTestFailure(QualityRule):
    """A test catches its own failure, so it cannot fail.

    Finds:
        In a test, a handler of everything or of AssertionError that only passes, prints, returns or skips;
        `suppress` of the same; a `return` in `finally`; a retry loop that ends without failing.
    Why:
        The assertion inside raises, and the handler turns that into a pass or a skip.
    Subs:
        `swallow`: the failure becomes a pass. `skip`: it becomes a skip.
    Bad:
        import pytest

        def test_answer(client):
            try:
                assert client.ask("x") == "y"
            except Exception as error:
                pytest.skip(str(error))
    Good:
        def test_answer(client):
            assert client.ask("x") == "y"
    Exempt:
        A try around clean-up alone, or in which the test itself raises; one whose outcome is asserted
        afterwards (a name bound or used in it, in the handler or in `else`); one in which `pytest.fail`
        stands for the missing exception; a handler that keeps the exception in a name.
    Evasions:
        `suppress(Exception)`; `nullcontext` in place of `raises`; `subTest` in a try; a fixture with a try
        around its `yield`; a decorator of the file; `finally: return`; a retry loop that just ends.
    Measured:
        On the corpus it was tuned on 51 of 51 right, 47 of them harmful; in 7 hand-written projects with
        5,720 tests no hit.
    """

    code = "FH605"
    name = "swallowed-test-failure"
    subs = ("swallow", "skip")
    nodes = (*dict.fromkeys(TRIES), ast.With, ast.AsyncWith, ast.Assign, ast.ImportFrom)

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return a hit for each handler, `suppress` or `finally` that ends a failure."""
        if isinstance(node, ast.Try | TRIES[1]):
            yield from self._tried(node, module)
        elif isinstance(node, ast.With | ast.AsyncWith):
            yield from self._suppressed(node, module)
        elif isinstance(node, ast.Assign | ast.ImportFrom) and _swaps(module, node):
            yield self.hit(
                module,
                node,
                "`nullcontext` takes the place of what expects an exception",
                "remove it and expect the exception",
                sub="swallow",
            )

    def _tried(self, node: ast.Try, module: Module) -> Iterator[Hit]:
        function = module.function(node)
        if function is None or not _guards_a_test(module, function, node):
            return
        where = module.qualname(function)
        if any(isinstance(each, ast.Return) for each in _in_final(node)):
            text = f"{where} returns in `finally`, which drops every failure"
            yield self.hit(module, node, text, "remove the `return`", sub="swallow")
        for handler in node.handlers:
            sub = _swallows(module, handler, node)
            if sub and not _is_settled(module, node, function, sub):
                did = "skips" if sub == "skip" else "passes"
                text = f"{where} catches its own failure and {did}"
                yield self.hit(module, handler, text, FIX, sub=sub)

    def _suppressed(self, node: ast.With | ast.AsyncWith, module: Module) -> Iterator[Hit]:
        function = module.function(node)
        if function is None or not is_test(module, function):
            return
        wide = [item.context_expr for item in node.items if _suppresses(module, item.context_expr)]
        if wide and not _is_asserted(module, node, node.body, function):
            text = f"{module.qualname(function)} suppresses its own failure"
            yield self.hit(module, wide[0], text, FIX, sub="swallow")


def _suppresses(module: Module, call: ast.expr) -> bool:
    return (
        isinstance(call, ast.Call)
        and module.resolve(call.func) == "contextlib.suppress"
        and any(_is_wide(module, each) for each in call.args)
    )


def _is_wide(module: Module, expression: ast.expr | None) -> bool:
    """Tell whether a handler catches what an assert raises."""
    names = {name.rpartition(".")[2] for name in caught(module, expression)}
    return "AssertionError" in names or is_broad(module, expression)


def _guards_a_test(module: Module, function: FunctionNode, node: ast.Try) -> bool:
    """Tell whether a try stands in a test, around a fixture's `yield`, or in a decorator of tests."""
    if is_test(module, function):
        return True
    if is_fixture(function):
        return any(isinstance(each, ast.Yield) for each in live(node.body))
    outer = module.function(function)
    return outer is not None and _decorates(module, outer) and _calls_argument(outer, node)


def _decorates(module: Module, function: FunctionNode) -> bool:
    wanted = function.name
    return any(
        last_part(decorator) == wanted
        for nodes in module.functions.values()
        for each in nodes
        for decorator in each.decorator_list
        if is_test(module, each)
    )


def _calls_argument(outer: FunctionNode, node: ast.Try) -> bool:
    names = {each.arg for each in outer.args.args}
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in names
        for each in live(node.body)
    )


def _in_final(node: ast.Try) -> Iterator[ast.AST]:
    for statement in node.finalbody:
        yield statement
        yield from own_nodes(statement, ast.Return)


def _swallows(module: Module, handler: ast.ExceptHandler, node: ast.Try) -> str:
    """Return what a handler turns a failure into: a `skip`, nothing (`swallow`), or empty for neither."""
    if not _is_wide(module, handler.type):
        return ""
    looped = any(isinstance(each, _LOOPS) for each in module.ancestors(node))
    if not all(_is_idle(module, each, looped=looped) for each in handler.body):
        return ""
    skipped = any(_skips(each) for statement in handler.body for each in ast.walk(statement))
    return "skip" if skipped else "swallow"


def _is_idle(module: Module, statement: ast.stmt, *, looped: bool) -> bool:
    """Tell whether a statement of a handler leaves the failure behind."""
    if isinstance(statement, _PLAIN) or is_log_call(statement):
        return True
    if isinstance(statement, ast.If):
        return all(_is_idle(module, each, looped=looped) for each in (*statement.body, *statement.orelse))
    if isinstance(statement, ast.Assert):
        return is_true(module, statement.test)
    if isinstance(statement, ast.Raise):
        return statement.exc is not None and last_part(statement.exc) in data.SKIPPED
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    if isinstance(value, ast.Constant) or (value is not None and _skips(value)):
        return True
    return looped and value is not None and last_part(value) in data.IGNORED_CALLS


def _skips(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise) and node.exc is not None:
        return last_part(node.exc) in data.SKIPPED
    return isinstance(node, ast.Call) and last_part(node) in {"skip", "skipTest", "xfail"}


def _is_settled(module: Module, node: ast.Try, function: FunctionNode, sub: str) -> bool:
    """Tell whether the try only cleans up, or what came of it is asserted."""
    if sub == "skip" and raises_itself(node.body):
        # What a test raises to try a handler out is handled; it does not skip the test.
        return False
    if any(_is_real_check(module, each) for each in live(node.orelse)):
        return True
    if any(isinstance(each, ast.Call) and last_part(each) == "fail" for each in live(node.body)):
        # `pytest.fail` is no Exception: it says that the expected one did not come.
        return all(last_part(handler.type or node) != "BaseException" for handler in node.handlers)
    return _is_asserted(module, node, node.body, function)


def _is_asserted(module: Module, block: ast.stmt, body: Sequence[ast.stmt], function: FunctionNode) -> bool:
    nodes = list(live(body))
    if all(map(_is_cleanup, body)) or raises_itself(body):
        return True
    # Checks inside are lost with the failure: then only what the block leaves behind can be asserted.
    own = any(_is_real_check(module, each) for each in nodes)
    used = _stored(nodes) if own else _with_inner(module, function, _names(module, nodes))
    end = block.end_lineno or block.lineno
    later = sorted((each for each in live(function.body) if _line(each) > end), key=_line)
    for each in later:
        if isinstance(each, ast.Assign | ast.AnnAssign) and used & _names(module, ast.walk(each)):
            used |= _stored(ast.walk(each))
    return any(_is_real_check(module, each) and used & _names(module, ast.walk(each)) for each in later)


def _line(node: ast.AST) -> int:
    line = getattr(node, "lineno", 0)
    return line if isinstance(line, int) else 0


def _with_inner(module: Module, function: FunctionNode, names: set[str]) -> set[str]:
    """Return the names with those in the nested functions that they name, decorators included."""
    inner = [
        each for name in names for each in module.functions.get(name, ()) if module.function(each) is function
    ]
    return names.union(*(_names(module, ast.walk(each)) for each in inner))


def _is_real_check(module: Module, node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not is_true(module, node.test)
    return is_check(node) and not _skips(node)


def _names(module: Module, nodes: Iterable[ast.AST]) -> set[str]:
    """Return the variables that nodes name, the imported modules and `self` apart."""
    known = module.imports
    return {
        each.id for each in nodes if isinstance(each, ast.Name) and each.id not in known and each.id != "self"
    }


def _stored(nodes: Iterable[ast.AST]) -> set[str]:
    return {each.id for each in nodes if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}


def _is_cleanup(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If | ast.For | ast.With | ast.AsyncWith):
        return all(map(_is_cleanup, statement.body))
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    return (
        isinstance(statement, ast.Pass)
        or is_log_call(statement)
        or (isinstance(value, ast.Call) and last_part(value) in data.CLEANUPS)
    )


def _swaps(module: Module, node: ast.Assign | ast.ImportFrom) -> bool:
    """Tell whether `nullcontext` is given the name of what expects an exception."""
    if isinstance(node, ast.ImportFrom):
        return any(each.name == "nullcontext" and each.asname in data.REPLACEABLE for each in node.names)
    if last_part(node.targets[0]) not in data.REPLACEABLE:
        return False
    return module.resolve(node.value) == NULLCONTEXT
