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
    house_phrases: tuple[str, ...] = ()
    """What a log must not say in this house, besides the phrases that no log may say (R11/house-phrases)."""
    smoke_requests: int = 10
    smoke_concurrency: int = 5
    load_requests: int = 1000
    load_concurrency: int = 50
    load_warm_up: int = 200
    paced_concurrency: tuple[int, ...] = (50, 100)
    paced_seconds: int = 10
    """At each concurrency, and at the expected rate."""
    slo_p95_ms: int = 1000
    """What a declared objective must not be looser than; the bound itself is of the measure."""
    slo_success_percent: int = 99
    race_requests: int = 200
