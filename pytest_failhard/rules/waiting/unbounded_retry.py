"""FH402: a retry without an end."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from pytest_failhard.rules.data import waiting as data
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, argument, last_part, own_nodes

FIX = "bound the number of attempts, then raise the last error"
_ENDS = (ast.Raise, ast.Return, ast.Break, ast.If)


class UnboundedRetry(StaticRule):
    """What fails is tried again without end.

    Finds:
        An endless loop with a `try` that returns or breaks on success and a handler that neither raises,
        returns, breaks nor decides anything; `tenacity.retry` without `stop`; `backoff.on_exception` without
        `max_tries` and `max_time`; a function that calls itself from its own handler.
    Why:
        A dependency that is gone, or a key that is wrong, becomes a system that hangs instead of one that
        fails.
    Bad:
        import time

        def fetch(client):
            while True:
                try:
                    return client.get()
                except ConnectionError:
                    time.sleep(1)
    Good:
        import time

        def fetch(client):
            for attempt in range(3):
                try:
                    return client.get()
                except ConnectionError as error:
                    last = error
                    time.sleep(1)
            raise last
    Exempt:
        Loops that ask somebody (`input()`) or hold out against an interrupt; loops that count or look at a
        stop event beside the try; consumers whose loop is the program: nothing returns or breaks on success.
    Evasions:
        `itertools.count()`; `iter(int, 1)`; recursion on failure; `stop=stop_never`; `while not ok:` with
        `ok` set on success only.
    Measured:
        No finding on the 35 projects that it was tuned on.
    """

    code = "FH402"
    name = "unbounded-retry"
    gate = "fallbacks"
    family = "waiting"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each retry without an end."""
        for attempt in module.nodes(ast.Try):
            loop = _loop(module, attempt)
            if loop is not None and _retries(loop, attempt):
                yield self._told(module, loop, "tries again for ever what failed")
            yield from self._recursion(module, attempt)
        if module.mentions(data.RETRY_PACKAGES):
            yield from self._decorators(module)

    def _told(self, module: Module, node: ast.AST, what: str) -> Hit:
        return self.hit(module, node, f"{module.qualname(node) or 'the module'} {what}", FIX)

    def _recursion(self, module: Module, attempt: ast.Try) -> Iterator[Hit]:
        function = module.function(attempt)
        if function is None or not module.calls.of((function.name,)):
            return
        for handler in attempt.handlers:
            for call in own_nodes(handler, ast.Call):
                if last_part(call) == function.name and _is_same_call(call, function, handler):
                    yield self._told(module, call, "calls itself again for ever where it fails")

    def _decorators(self, module: Module) -> Iterator[Hit]:
        calls = {call.func: call for call in module.nodes(ast.Call)}
        for name in (*module.nodes(ast.Name), *module.nodes(ast.Attribute)):
            resolved = module.resolve(name) if last_part(name) in data.RETRY_NAMES else ""
            if resolved not in data.RETRY_BOUNDS:
                continue
            call = calls.get(name)
            if call is None and not _decorates(module, name):
                continue
            if call is None or not _has_bound(module, call, data.RETRY_BOUNDS[resolved]):
                yield self._told(module, call or name, f"retries without a bound: {resolved}")


def _decorates(module: Module, node: ast.expr) -> bool:
    above = module.parent(node)
    return isinstance(above, FUNCTIONS) and any(each is node for each in above.decorator_list)


def _has_bound(module: Module, call: ast.Call, names: Sequence[str]) -> bool:
    if any(keyword.arg is None for keyword in call.keywords):
        return True
    bound = argument(call, None, *names)
    if bound is None:
        return False
    return not (isinstance(bound, ast.Constant) and bound.value is None) and (
        module.resolve(bound) not in data.STOPS_NEVER
    )


def _loop(module: Module, attempt: ast.Try) -> ast.While | ast.For | ast.AsyncFor | None:
    """Return the endless loop that an attempt stands in, with nothing but `with` and `if` between."""
    above = module.parent(attempt)
    while isinstance(above, ast.With | ast.AsyncWith | ast.If):
        above = module.parent(above)
    if isinstance(above, ast.While):
        return above if _is_endless(above, attempt) else None
    if isinstance(above, ast.For | ast.AsyncFor):
        return above if _iterates_for_ever(module, above.iter) else None
    return None


def _is_endless(loop: ast.While, attempt: ast.Try) -> bool:
    if isinstance(loop.test, ast.Constant):
        return bool(loop.test.value)
    if not isinstance(loop.test, ast.UnaryOp) or not isinstance(loop.test.op, ast.Not):
        return False
    waited = last_part(loop.test.operand)
    if not waited or isinstance(loop.test.operand, ast.Call):
        return False
    on_success = _assigned([*attempt.body, *attempt.orelse])
    return waited in on_success and waited not in _assigned(
        statement for handler in attempt.handlers for statement in handler.body
    )


def _assigned(statements: Iterable[ast.stmt]) -> set[str]:
    return {
        last_part(target)
        for statement in statements
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    }


def _iterates_for_ever(module: Module, node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = module.resolve(node.func)
    if name in data.ENDLESS:
        return name != data.REPEAT or len(node.args) == 1
    return (
        name == "iter"
        and len(node.args) == data.ITER_SENTINEL_ARGUMENTS
        and module.resolve(node.args[0]) == "int"
    )


def _retries(loop: ast.While | ast.For | ast.AsyncFor, attempt: ast.Try) -> bool:
    if not attempt.handlers or not any(map(_goes_on, attempt.handlers)):
        return False
    if not _succeeds(loop, attempt):
        return False
    return not _asks(loop) and not _decides(loop, attempt)


def _goes_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler neither leaves nor decides anything: the loop goes on."""
    if last_part(handler.type or handler) in data.INTERRUPTS:
        return False
    return next(own_nodes(handler, *_ENDS), None) is None and not _exits(handler)


def _exits(handler: ast.ExceptHandler) -> bool:
    return any(last_part(call) in data.EXITS for call in own_nodes(handler, ast.Call))


def _succeeds(loop: ast.While | ast.For | ast.AsyncFor, attempt: ast.Try) -> bool:
    """Tell whether success leaves the loop: from the attempt, or behind it where the handler continues."""
    if isinstance(loop, ast.While) and not isinstance(loop.test, ast.Constant):
        return True
    statements = [*attempt.body, *attempt.orelse]
    if any(next(own_nodes(handler, ast.Continue), None) is not None for handler in attempt.handlers):
        statements += _behind(loop, attempt)
    return any(_leaves(statement) for statement in statements)


def _behind(loop: ast.While | ast.For | ast.AsyncFor, attempt: ast.Try) -> Sequence[ast.stmt]:
    places = [place for place, each in enumerate(loop.body) if each is attempt]
    return loop.body[places[0] + 1 :] if places else ()


def _leaves(statement: ast.stmt) -> bool:
    """Tell whether a statement leaves by itself, or returns a value where a test says so."""
    if isinstance(statement, ast.Break | ast.Return):
        return True
    if isinstance(statement, FUNCTIONS):
        return False
    return any(
        each.value is not None and not (isinstance(each.value, ast.Constant) and each.value.value is None)
        for each in own_nodes(statement, ast.Return)
    )


def _asks(loop: ast.AST) -> bool:
    return any(last_part(call) in data.INPUTS for call in own_nodes(loop, ast.Call))


def _decides(loop: ast.While | ast.For | ast.AsyncFor, attempt: ast.Try) -> bool:
    """Tell whether a test beside the attempt leaves the loop: a count, a deadline, a stop event."""
    within = set(own_nodes(attempt, ast.If))
    return any(
        next(own_nodes(test, ast.Raise, ast.Return, ast.Break), None) is not None
        for test in own_nodes(loop, ast.If)
        if test not in within and all(each is not attempt for each in own_nodes(test, ast.Try))
    )


def _is_same_call(call: ast.Call, function: FunctionNode, handler: ast.ExceptHandler) -> bool:
    """Tell whether a recursion repeats the call: no argument is computed, nothing is done before."""
    if next(own_nodes(handler, ast.If), None) is not None or not all(
        last_part(each) in data.IDLE or each is call for each in own_nodes(handler, ast.Call)
    ):
        return False
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is not None and last_part(owner) not in {"self", "cls"}:
        return False
    names = {
        each.arg for each in (*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs)
    }
    return all(isinstance(each, ast.Name) and each.id in names for each in given) and (
        len(given) + (owner is not None) >= len(function.args.args) - len(function.args.defaults)
    )
