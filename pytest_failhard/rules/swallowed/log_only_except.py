"""FH103: a handler of everything that logs and goes on."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlings import Handling, handlings, is_noted, is_shutdown, preset
from pytest_failhard.rules.kept import once
from pytest_failhard.rules.later import last_read
from pytest_failhard.rules.managers import is_manager
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module, last_part


class LogOnlyExcept(StaticRule):
    """Any failure at all is a line in the log, and the program goes on as if nothing had failed.

    Finds:
        A handler of everything that only logs, prints or counts and then falls through.
    Why:
        The step did not happen, and nothing behind it knows.
    Subs:
        `continue` goes on with the next item; without a sub it goes on behind the try.
    Bad:
        def save(db, item):
            try:
                db.save(item)
            except Exception:
                logger.error("could not save")
    Good:
        def save_all(db, items):
            failed = []
            for item in items:
                try:
                    db.save(item)
                except DatabaseError as error:
                    failed.append((item, error))
            if failed:
                raise ExceptionGroup("not saved", [error for _, error in failed])
    Exempt:
        Items that are isolated from one another and whose failures are counted: the handler changes a name
        like `errors` or `failed` that is read later; shutdown code.
    Evasions:
        Logging through a function of the file; `warnings.warn`; `traceback.print_exc`; metrics counters.
    Measured:
        In sample: 3 of 7 true, and 2.1 in 1,000 generated lines: only what is new can fail a build.
    """

    code = "FH103"
    name = "log-only-except"
    gate = "fallbacks"
    family = "swallowed"
    subs = ("continue",)

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each handler that only logs."""
        for handling in handlings(module):
            caught = handling.swallows and isinstance(handling.node, ast.ExceptHandler)
            if caught and is_noted(module, handling) and not _is_exempt(module, handling):
                yield self._hit(module, handling)

    def _hit(self, module: Module, handling: Handling) -> Hit:
        where = module.qualname(handling.node) or "the module"
        return self.hit(
            module,
            handling.node,
            f"{where} only notes that something failed, and goes on",
            "let it propagate, or count it and fail at the end",
            sub="continue" if isinstance(handling.body[-1], ast.Continue) else "",
            details=handling.details,
        )


def _is_exempt(module: Module, handling: Handling) -> bool:
    if is_shutdown(module, handling) or is_manager(module, handling) or preset(module, handling):
        return True
    return any(_is_read_later(module, handling, target) for target in _counters(handling))


def _counters(handling: Handling) -> Iterator[ast.expr]:
    for statement in handling.body:
        if isinstance(statement, ast.AugAssign) and data.ERROR_NAME.search(last_part(statement.target)):
            yield statement.target


def _is_read_later(module: Module, handling: Handling, target: ast.expr) -> bool:
    """Tell whether a counter is read anywhere but where it is changed."""
    if isinstance(target, ast.Attribute):
        return target.attr in _read_attributes(module)
    return last_read(module, handling.function, last_part(target)) > 0


@once
def _read_attributes(module: Module) -> frozenset[str]:
    return frozenset(each.attr for each in module.nodes(ast.Attribute) if isinstance(each.ctx, ast.Load))
