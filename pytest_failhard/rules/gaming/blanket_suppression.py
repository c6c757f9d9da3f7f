"""FH701: a suppression that hides whatever there is."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_failhard.rules.suppressed import blanket
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.source.module import Module


class BlanketSuppression(StaticRule):
    """A tool is told to overlook everything on a line, or in a file.

    Finds:
        A suppression in a comment that names no rule, or holds for a whole file: `noqa`, `type: ignore`,
        `nosec`, `pylint: disable=all` and `skip-file`, `mypy: ignore-errors`, `ruff: noqa`, `file-ignore`,
        a `disable` that nothing ends, `@no_type_check`. One that cannot be read (an empty list, a code
        that no tool has) counts as one.
    Why:
        It hides the defect that was there when it was written, and each that comes later.
    Bad:
        def total(rows):
            return sum(rows)  # type: ignore
    Good:
        def total(rows):
            return sum(rows)  # type: ignore[arg-type]  -- the stub lacks the overload, see #123
    Exempt:
        Nothing. What stood there before a change counts less than what the change adds.
    Evasions:
        Other spelling (`NOQA`, missing blanks), `noqa:` without a code, a range without an end, a comment
        inside a continued line, a comment in a stub file.
    Measured:
        No verdicts yet; elsewhere ten times commoner in good code, so that the stock only warns.
    """

    code = "FH701"
    name = "blanket-suppression"
    gate = "integrity"
    family = "gaming"
    roles = EVERY

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each of the file."""
        return blanket(module.suppressions)
