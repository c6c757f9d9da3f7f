"""FH702: a suppression without a reason."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_failhard.rules.suppressed import unreasoned
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.source.module import Module


class UnreasonedSuppression(StaticRule):
    """A tool is told to overlook one thing, and nobody says why.

    Finds:
        A suppression that names its rule, or a line that is left out of coverage, without a reason: two
        words and ten characters in the same comment behind it, or in a comment alone on the line above.
    Why:
        Without a reason nobody can tell later whether it still holds.
    Bad:
        try:
            import tomllib
        except ImportError:  # pragma: no cover
            tomllib = None
    Good:
        try:
            import winreg
        except ImportError:  # pragma: no cover  -- only on Windows, see #88
            winreg = None
    Exempt:
        Formatters (`fmt: off`), which hide no defect; the marks of tests, which have rules of their own.
    Evasions:
        Words that say nothing: the name of the rule again, `fix later`, `needed`, `see above`.
    Measured:
        No verdicts yet; elsewhere commoner in good code, so that the stock only warns.
    """

    code = "FH702"
    name = "unreasoned-suppression"
    gate = "integrity"
    family = "gaming"
    roles = EVERY

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each of the file."""
        return unreasoned(module.suppressions)
