"""Holds the numbers of suppressions against what a policy or a project admits of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from pytest_failhard.model import Finding, Severity
from pytest_failhard.source.suppression_forms import KINDS
from pytest_failhard.source.suppressions import Suppression

BLANKET = "blanket"
"""Stands in place of a rule for what names none."""


def unknown(budget: Mapping[str, int]) -> str:
    """Say which entries name no kind of suppression; nothing where all do."""
    wrong = sorted(name for name in budget if name.partition("/")[0] not in KINDS)
    return f"{', '.join(wrong)}: no kind of suppression; there are {', '.join(KINDS)}" if wrong else ""


def exceeded(found: Iterable[Suppression], budget: Mapping[str, int]) -> Iterator[Finding]:
    """Yield a finding for each entry, `kind` or `kind/rule`, of which there are more than it admits."""
    counts: Counter[str] = Counter()
    last: dict[str, Suppression] = {}
    for each in found:
        rules = [BLANKET] if each.blanket or not each.rules else each.rules
        for name in {each.kind, *(f"{each.kind}/{rule}" for rule in rules)}:
            counts[name] += 1
            last[name] = each
    for name, most in sorted(budget.items()):
        if counts[name] > most:
            yield Finding(
                rule="suppression-budget",
                name="suppression-budget",
                path=last[name].path,
                line=last[name].line,
                severity=Severity.HIGH,
                message=f"{counts[name]} suppressions of {name}, {most} are admitted; the last one is here",
                fix="mend what one of them hides; the budget is no reserve",
                anchor=name,
            )
