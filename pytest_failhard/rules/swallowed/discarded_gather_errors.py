"""FH108: exceptions that were gathered as results and are then thrown away."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlers import raises
from pytest_failhard.rules.handlings import handlings, is_note, is_silent
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import Module, argument, last_part, own_nodes

FIX = "use asyncio.TaskGroup, or raise what failed"
_LOOPS = (ast.For, ast.AsyncFor)


class DiscardedGatherErrors(StaticRule):
    """The failures of tasks that ran together are taken out of the results and forgotten.

    Finds:
        `asyncio.gather(..., return_exceptions=True)` whose exceptions are filtered out without a raise or
        a log, or whose result nobody reads; `asyncio.wait` whose tasks are never asked for a result; a
        swallowing try around what `as_completed` yields; a done callback that does nothing.
    Why:
        Half of the answers are missing, and what is left looks complete.
    Bad:
        async def answers(questions):
            found = await asyncio.gather(*map(ask, questions), return_exceptions=True)
            return [each for each in found if not isinstance(each, Exception)]
    Good:
        async def answers(questions):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(each)) for each in questions]
            return [task.result() for task in tasks]
    Exempt:
        Shutdown code, and what follows the cancelling of tasks; exceptions that are logged or collected.
    Evasions:
        `filter(lambda ...)`; `if isinstance(..., Exception): continue`; `gather` under another name.
    Measured:
        In sample: 7 of 8 true; before it was narrowed 2 true, 2 false, 3 unclear of 7.
    """

    code = "FH108"
    name = "discarded-gather-errors"
    gate = "fallbacks"
    family = "swallowed"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each place where failures of tasks are dropped."""
        if not module.mentions(data.TASK_WORDS):
            return
        for call in module.nodes(ast.Call):
            message = _fault(module, call)
            if message and not _is_shutdown(module, call):
                yield self.hit(module, call, f"{module.qualname(call) or 'the module'} {message}", FIX)
        for handling in handlings(module):
            if handling.swallows and is_silent(handling) and _is_completing(module, handling.attempt):
                message = f"{module.qualname(handling.node)} drops what the completed tasks raise"
                yield self.hit(module, handling.attempt, message, FIX)


def _fault(module: Module, call: ast.Call) -> str:
    last = last_part(call)
    if last == "add_done_callback":
        return "ends tasks with a callback that looks at nothing" if _is_mute(call) else ""
    name = module.resolve(call.func) if last else ""
    if name in data.GATHERERS:
        flag = argument(call, None, "return_exceptions")
        returned = flag is not None and literal(module, flag) == "true"
        return "drops the exceptions that it gathered" if returned and _is_dropped(module, call) else ""
    if name in data.WAITERS:
        return "never asks the tasks that it waited for what they raised" if _is_unasked(module, call) else ""
    return ""


def _is_mute(call: ast.Call) -> bool:
    return (
        bool(call.args)
        and isinstance(call.args[0], ast.Lambda)
        and isinstance(call.args[0].body, ast.Constant)
    )


def _is_shutdown(module: Module, call: ast.Call) -> bool:
    function = module.function(call)
    if function is None:
        return False
    if data.SHUTDOWN.search(function.name) or "lifespan" in function.name:
        return True
    return any(last_part(each) == "cancel" for each in own_nodes(function, ast.Call))


def _is_dropped(module: Module, call: ast.Call) -> bool:
    awaited = module.parent(call)
    above = module.parent(awaited) if isinstance(awaited, ast.Await) else awaited
    if isinstance(above, ast.Expr):
        return True
    if isinstance(above, ast.comprehension):
        return _drops(above.ifs)
    if isinstance(above, ast.Assign) and len(above.targets) == 1 and isinstance(above.targets[0], ast.Name):
        return _is_name_dropped(module, call, above.targets[0])
    return False


def _is_name_dropped(module: Module, call: ast.Call, target: ast.Name) -> bool:
    function = module.function(call)
    if function is None:
        return False
    reads = [each for each in own_nodes(function, ast.Name) if each.id == target.id and each is not target]
    if not reads:
        return not any(each.id == target.id and each is not target for each in module.nodes(ast.Name))
    return any(_filters(module, each) for each in reads) and not _is_looked_at(module, function)


def _filters(module: Module, read: ast.Name) -> bool:
    """Tell whether a use of the results leaves the exceptions out."""
    above = module.parent(read)
    if isinstance(above, ast.Call) and last_part(above) in {"zip", "enumerate"}:
        above = module.parent(above)
    if isinstance(above, ast.comprehension):
        return _drops(above.ifs) and not _is_counted(module, above)
    if isinstance(above, ast.Call) and last_part(above) == "filter" and isinstance(above.args[0], ast.Lambda):
        return _drops([above.args[0].body])
    return isinstance(above, _LOOPS) and any(_skips(each) for each in above.body)


def _is_counted(module: Module, generator: ast.comprehension) -> bool:
    """Tell whether a comprehension only counts what succeeded."""
    made = module.parent(generator)
    user = module.parent(made) if made is not None else None
    return isinstance(user, ast.Call) and last_part(user) in {"len", "sum"}


def _drops(tests: Iterable[ast.expr]) -> bool:
    return any(
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _asks_exception(test.operand)
        for test in tests
    )


def _asks_exception(test: ast.expr) -> bool:
    """Tell whether a test is `isinstance(x, Exception)`."""
    if not isinstance(test, ast.Call) or last_part(test) != "isinstance" or len(test.args) != 2:
        return False
    kinds = test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]
    return any(last_part(each) in {"Exception", "BaseException"} for each in kinds)


def _skips(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If):
        return False
    if _asks_exception(statement.test):
        return all(isinstance(each, ast.Continue | ast.Pass) for each in statement.body)
    return _drops([statement.test]) and not statement.orelse


def _is_looked_at(module: Module, function: ast.AST) -> bool:
    """Tell whether the function does something with an exception among the results."""
    for test in own_nodes(function, ast.If):
        if _asks_exception(test.test) and _does_something(module, test.body):
            return True
    collected = (each for each in own_nodes(function, ast.comprehension))
    return any(_asks_exception(test) for each in collected for test in each.ifs)


def _does_something(module: Module, body: Sequence[ast.stmt]) -> bool:
    return raises(module, body) or any(
        is_note(module, each) or not isinstance(each, ast.Continue | ast.Pass) for each in body
    )


def _is_unasked(module: Module, call: ast.Call) -> bool:
    function = module.function(call)
    if function is None:
        return False
    asked = (last_part(each) for each in own_nodes(function, ast.Call))
    return not {"exception", "result", "gather", "wait_for"} & set(asked) and not _awaits_name(function)


def _awaits_name(function: ast.AST) -> bool:
    return any(isinstance(each.value, ast.Name | ast.Attribute) for each in own_nodes(function, ast.Await))


def _is_completing(module: Module, attempt: ast.AST) -> bool:
    loop = module.parent(attempt)
    if not isinstance(loop, _LOOPS):
        return False
    return isinstance(loop.iter, ast.Call) and last_part(loop.iter) == "as_completed"
