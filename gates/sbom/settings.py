"""What a project and a policy may say to the gate `sbom`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_failhard.distributions.bom.party import Party
from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class SbomSettings(Settings):
    """Who makes the product, who supplies what names nobody, and which elements must be there."""

    manufacturer: Party | None = None
    suppliers: dict[str, Party] = field(default_factory=dict)
    """Distribution -> who supplies it, where its metadata names nobody."""
    standards: tuple[str, ...] = ()
    """Whose elements must all be there: `ntia`, `cisa`, `bsi`."""
    contact: bool = False
    """Whether the document must say whom to write to."""
    embedded: bool = False
    """Whether the bills of materials that packages bring must be countable."""
    cross_check: bool = False
    """Whether cyclonedx-bom must see every component too."""
