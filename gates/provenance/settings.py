"""What a project and a policy may say to the gate `provenance`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class ProvenanceSettings(Settings):
    """What was built, and who may attest it."""

    distributions: list[str] = field(default_factory=lambda: ["dist/*"])
    """Patterns of the built wheels and sdists, relative to the root."""
    public_key: str = ""
    """The Ed25519 key in PEM that the statements are signed with; empty where a workflow attests."""
    trusted_workflows: list[str] = field(default_factory=list)
    """Reusable workflows of other repositories that attest: `owner/name/.github/workflows/file.yml`."""
