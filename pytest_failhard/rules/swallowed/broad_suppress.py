"""FH104: a context manager that suppresses everything."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlers import is_broad, raises
from pytest_failhard.rules.handlings import handlings
from pytest_failhard.rules.managers import hides_all, is_manager, keeps
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module, last_part

FIX = "suppress the one type that is expected, or let the error propagate"


class BroadSuppress(StaticRule):
    """Every exception of a block is suppressed.

    Finds:
        `contextlib.suppress(...)` of Exception, BaseException or an enumeration that comes to the same,
        under whatever name; a context manager of the project that does the same: `__exit__` returns True
        whatever happened, or a `@contextmanager` catches everything around its `yield`.
    Why:
        What fails in the block fails silently, a misspelt name as well as a full disk.
    Bad:
        from contextlib import suppress

        def remember(db, item):
            with suppress(Exception):
                db.save(item)
    Good:
        from contextlib import suppress

        def forget(path):
            with suppress(FileNotFoundError):
                path.unlink()
    Exempt:
        No `suppress`: suppress the narrow type. A manager of the project that keeps the exception in an
        attribute or an item hands it on to whoever asks.
    Evasions:
        An alias of `suppress` or of `Exception`; `ExitStack().enter_context(suppress(...))`;
        `partial(suppress, Exception)`; `exceptiongroup.catch({Exception: ...})`.
    Measured:
        Too rare to say: one hit in the development corpus, true and harmless.
    """

    code = "FH104"
    name = "broad-suppress"
    gate = "fallbacks"
    family = "swallowed"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each broad `suppress` and each manager of the file that hides every exception."""
        if module.mentions(data.SUPPRESSING_WORDS):
            yield from self._suppressing(module)
        for handling in handlings(module):
            kept = keeps(handling.body, handling.bound)
            if handling.swallows and is_manager(module, handling) and not kept:
                yield self._manager(module, handling.node)
        for name in ("__exit__", "__aexit__"):
            for function in module.functions.get(name, ()):
                if hides_all(function) and not raises(module, function.body):
                    yield self._manager(module, function)

    def _suppressing(self, module: Module) -> Iterator[Hit]:
        for call in module.nodes(ast.Call):
            if any(is_broad(module, each) for each in _suppressed(module, call)):
                where = module.qualname(call) or "the module"
                yield self.hit(module, call, f"{where} suppresses every exception", FIX)

    def _manager(self, module: Module, node: ast.AST) -> Hit:
        where = module.qualname(node)
        return self.hit(module, node, f"{where} suppresses every exception of the block it is used for", FIX)


def _suppressed(module: Module, call: ast.Call) -> Iterator[ast.expr]:
    """Yield what a call suppresses: arguments of `suppress`, of a `partial` of it, keys of a `catch`."""
    if not call.args:
        return
    name = module.resolve(call.func)
    if name in data.SUPPRESSORS:
        yield from call.args
    elif last_part(call) == "partial" and module.resolve(call.args[0]) in data.SUPPRESSORS:
        yield from call.args[1:]
    elif name in data.CATCHERS and isinstance(call.args[0], ast.Dict):
        yield from (key for key in call.args[0].keys if key is not None)
