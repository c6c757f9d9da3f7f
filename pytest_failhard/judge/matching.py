"""Tells which findings a waiver speaks of, and counts things in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from pytest_failhard.model import Finding, Waiver

WAIVERS_FILE = "failhard-waivers.yaml"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A finding, and, where it stands for a measure out of bounds, the measure's value."""

    finding: Finding
    measure: int | Fraction | None = None
    ceiling: bool = False

    def accepted_by(self, waiver: Waiver) -> bool:
        """Tell whether the waiver's value admits the measure; a plain finding has no value to admit."""
        return self.within(waiver.value)

    def within(self, value: int | Fraction | None) -> bool:
        """Tell whether the measure is no worse than a value; a plain finding has none, and takes none."""
        if self.measure is None or value is None:
            return self.measure is None and value is None
        return self.measure <= value if self.ceiling else self.measure >= value


def means(waiver: Waiver, gate: str, finding: Finding) -> bool:
    """Tell whether the waiver speaks of this rule at this path; the fingerprint decides beyond that."""
    return waiver.gate == gate and waiver.path == finding.path and waiver.rule in {finding.rule, finding.name}


def counted(things: Sequence[object], noun: str = "finding") -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
