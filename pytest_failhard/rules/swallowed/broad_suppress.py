"""FH104: `contextlib.suppress` of everything."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pytest_failhard.rules.handlers import is_broad
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module


class BroadSuppress(StaticRule):
    """Every exception of a block is suppressed.

    Finds:
        `contextlib.suppress(...)` of Exception, BaseException or an enumeration that comes to the same,
        under whatever name.
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
        Nothing: suppress the narrow type.
    Evasions:
        An alias of `suppress` or of `Exception`; `ExitStack().enter_context(suppress(...))`.
    Measured:
        No verdicts yet.
    """

    code = "FH104"
    name = "broad-suppress"
    gate = "fallbacks"
    family = "swallowed"
    nodes = (ast.Call,)

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return a hit for each broad `suppress`."""
        if not isinstance(node, ast.Call) or module.resolve(node.func) != "contextlib.suppress":
            return
        if any(is_broad(module, each) for each in node.args):
            where = module.qualname(node) or "the module"
            yield self.hit(
                module,
                node,
                f"{where} suppresses every exception",
                "suppress the one type that is expected, or let the error propagate",
            )
