"""What a policy says to the gate `system`: which parts of which checks count, and what must be declared."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pytest_failhard.model import Settings
from pytest_failhard.system.declaration import EVERY_KIND, OWN_KEYS, System

CHECKS = ("R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R11")
KINDS = (EVERY_KIND, "http", "worker", "job", "library")


@dataclass(frozen=True, kw_only=True)
class SystemSettings(Settings):
    """The parts that are run: a check (`R3`) or what a level adds to it (`R3/settings`).

    What a part in `enforce` finds counts as it is; what one in `report` alone finds is low. `required` are
    the keys that have to be declared, each with the kind of system, or `all`, before it: `http.ready`.
    `slo_p95_ms` and `slo_success_per_thousand` are what a project may not promise less than; None for no
    bound. `documents` are the texts of which it is said whether they are there.
    """

    enforce: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    slo_p95_ms: int | None = None
    slo_success_per_thousand: int | None = None
    documents: tuple[str, ...] = ()
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
    race_requests: int = 200

    def __post_init__(self) -> None:
        """Refuse a demand for what no declaration can have."""
        for part in (*self.enforce, *self.report):
            if part.partition("/")[0] not in CHECKS:
                raise ValueError(
                    f"enforce, report: {part} is part of no check; there are {', '.join(CHECKS)}"
                )
        keys = {*OWN_KEYS, *(each.name for each in fields(System))}
        for name in self.required:
            kind, _, key = name.partition(".")
            if kind not in KINDS or key not in keys:
                raise ValueError(f"required: {name} is no key of a kind of system; write http.ready")
