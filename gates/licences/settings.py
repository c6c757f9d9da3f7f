"""What a project and a policy may say to the gate `licences`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class LicencesSettings(Settings):
    """Which licences may be used."""

    allowed: list[str] = field(default_factory=list)
    """SPDX identifiers, each by itself (`X`, `X+`, `X WITH E`); none without a policy."""
    exceptions: list[str] = field(default_factory=list)
    """SPDX exceptions: `X WITH` one of them is allowed where `X` is."""
