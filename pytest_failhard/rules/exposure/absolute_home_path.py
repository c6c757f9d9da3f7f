"""absolute-home-path: a path below somebody's home folder in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pytest_failhard.rules.data import exposure as data
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module


class AbsoluteHomePath(StaticRule):
    r"""A path below the home folder of one user stands in the source.

    Finds:
        A text that begins with `/home/<name>/`, `/Users/<name>/` or `C:\Users\<name>\`.
    Why:
        It exists on one machine. Elsewhere the system fails, or quietly works without the file.
    Bad:
        MODEL = "/home/ana/models/small.bin"
    Good:
        from pathlib import Path

        MODEL = Path(__file__).parent / "small.bin"
    Exempt:
        Documentation strings; folders that belong to nobody: /Users/Shared, C:\Users\Public.
    Evasions:
        f-strings and sums that begin so; forward slashes on Windows; `file://`.
    Measured:
        In sample, on projects that it was tuned on: of 26 judged findings 26 break the policy, 23
        of them do harm.
    """

    code = "absolute-home-path"
    name = "absolute-home-path"
    gate = "fallbacks"
    family = "exposure"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each path below a home folder."""
        if not any(hint in module.data for hint in data.HOME_HINTS):
            return
        for constant in module.nodes(ast.Constant):
            text = constant.value
            if not isinstance(text, str) or not data.HOME.match(text) or data.SHARED_HOMES.match(text):
                continue
            if not isinstance(module.parent(constant), ast.Expr):
                yield self.hit(
                    module,
                    constant,
                    f"{module.qualname(constant) or 'the module'} holds a path below one user's home folder",
                    "take the path from the configuration, or from Path.home() or __file__",
                )
