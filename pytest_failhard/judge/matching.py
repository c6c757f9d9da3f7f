"""Tells which findings a waiver speaks of, and counts things in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_failhard.model import Finding, Waiver

WAIVERS_FILE = "failhard-waivers.yaml"


def means(waiver: Waiver, gate: str, finding: Finding) -> bool:
    """Tell whether the waiver speaks of this rule at this path; the fingerprint decides beyond that."""
    return waiver.gate == gate and waiver.path == finding.path and waiver.rule in {finding.rule, finding.name}


def counted(things: Sequence[object], noun: str = "finding") -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
