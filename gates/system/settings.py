"""What a policy says to the gate `system`: which parts of which checks count."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class SystemSettings(Settings):
    """The parts that are run: a check (`R3`) or what a level adds to it (`R3/settings`).

    What a part in `enforce` finds counts as it is; what one in `report` alone finds is low.
    """

    enforce: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    starts: int = 1
    """How often the system must become ready."""
