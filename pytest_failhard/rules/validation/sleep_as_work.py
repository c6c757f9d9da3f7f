"""FV4: a check that sleeps and then says that it succeeded."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.contact import reach
from pytest_failhard.rules.data import delays
from pytest_failhard.rules.data import validation as data
from pytest_failhard.rules.literals import literals
from pytest_failhard.rules.meeting import OTHERS, SERVES, ValidationRule
from pytest_failhard.rules.validating import is_validation
from pytest_failhard.source.module import last_part, walk

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import FunctionNode, Module


class SleepAsWork(ValidationRule):
    """A check sleeps where the work would be, and reports success.

    Finds:
        In a validation file a sleep of a constant that is followed, with no call in between but for the
        clock and messages, by success: `return True`, a printed pass, an entry in the results, an
        assertion about the time that passed; in a function that leads to nothing of the project.
    Why:
        The only thing that was measured is how well the machine sleeps.
    Subs:
        `simulated`: the function or its comments say so. `silent`: they do not.
    Bad:
        # file: validation_suite.py
        import asyncio

        async def validate_database():
            # simulated connection
            await asyncio.sleep(0.01)
            print("database: PASS")
            return True

        asyncio.run(validate_database())
    Good:
        # file: validation_suite.py
        import asyncio

        from shop.database import connect

        async def validate_database():
            async with connect() as connection:
                return await connection.fetch("select 1") == 1

        asyncio.run(validate_database())
        # file: shop/database.py
        def connect(): ...
    Exempt:
        A slow service that a test plays: a function inside a test, a handler of an application; a sleep of
        a time that is worked out; a sleep in a loop that looks whether it is time.
    Evasions:
        `asyncio.sleep`, an alias, a constant of the module, a dict that says `passed`. Not seen: a helper
        that sleeps.
    Measured:
        1 hit in 30 projects, harmful.
    """

    code = "FV4"
    name = "sleep-as-work"
    subs = ("simulated", "silent")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each sleep that passes for work."""
        if delays.SLEEP_BYTES not in module.data or not is_validation(module):
            return
        for call in module.nodes(ast.Call):
            if (last_part(call) == "sleep" or isinstance(call.func, ast.Name)) and _sleeps(module, call):
                function = module.function(call)
                if function is not None and module.function(function) is None and _succeeds(module, call):
                    yield self._hit(module, call, function)

    def _hit(self, module: Module, call: ast.Call, function: FunctionNode) -> Hit:
        sub = "simulated" if _is_simulated(module, function) else "silent"
        return self.hit(
            module,
            call,
            f"{module.qualname(function)} sleeps and then reports success",
            "do what the sleep stands for, on the system",
            sub=sub,
            details={
                OTHERS: " ".join(sorted(reach(module).others(function))),
                SERVES: "1",
            },
        )


def _sleeps(module: Module, call: ast.Call) -> bool:
    if module.resolve(call.func) not in delays.SLEEPS or not call.args:
        return False
    return literals(module).is_literal(call.args[0])


def _succeeds(module: Module, call: ast.Call) -> bool:
    """Tell whether success comes after a sleep, with no other call in between."""
    for statement in _after(module, call):
        if _is_success(module, statement):
            return True
        if any(isinstance(node, ast.Call) and not _says_only(node) for node in walk(statement)):
            return False
    return False


def _after(module: Module, call: ast.Call) -> Iterator[ast.stmt]:
    """Yield the statements behind the one that sleeps: of its block, then of the blocks around it."""
    below: ast.AST = call
    for above in module.ancestors(call):
        if isinstance(above, ast.While):
            return
        for block in _blocks(above):
            if below in block:
                behind = block[block.index(below) + 1 :]
                yield from (each for each in behind if isinstance(each, ast.stmt))
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        below = above


def _blocks(node: ast.AST) -> Iterator[Sequence[ast.AST]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def _says_only(call: ast.Call) -> bool:
    return last_part(call) in data.SAYING | data.PASSING | data.PURE | {"sleep"}


def _is_success(module: Module, statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        settled = literals(module).is_literal(statement.test) or _is_elapsed(statement.test)
        return settled and any(_is_success(module, each) for each in statement.body)
    if isinstance(statement, ast.Return):
        return statement.value is not None and _claims(statement.value)
    if isinstance(statement, ast.Assert):
        return all(not isinstance(each, ast.Call) or _says_only(each) for each in walk(statement)) and (
            literals(module).is_literal(statement.test) or _is_elapsed(statement.test)
        )
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    if last_part(call) in data.SAYING:
        return any(_text_claims(each) for each in call.args)
    return last_part(call) in data.GROWING and any(_claims(each) for each in call.args)


def _claims(value: ast.expr) -> bool:
    """Tell whether a value says that something succeeded: True, or a text or a key that says so."""
    if isinstance(value, ast.Constant) and value.value is True:
        return True
    constants = [each for each in walk(value) if isinstance(each, ast.Constant)]
    return any(each.value is True for each in constants) or any(map(_text_claims, constants))


def _text_claims(value: ast.expr) -> bool:
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) and data.SUCCESS.search(each.value)
        for each in walk(value)
    )


def _is_elapsed(test: ast.expr) -> bool:
    names = [each.id for each in walk(test) if isinstance(each, ast.Name)]
    return bool(names) and all(data.ELAPSED.search(name) for name in names)


def _is_simulated(module: Module, function: FunctionNode) -> bool:
    lines = module.lines[function.lineno - 1 : function.end_lineno]
    return any(data.SIMULATED.search(line) for line in lines)
