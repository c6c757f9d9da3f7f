"""What a project and a policy may say to the gate `secrets`."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class SecretsSettings(Settings):
    """How large a text file may be."""

    max_file_bytes: int = 8 * 1024 * 1024
    """A larger one is not read, and is a finding."""
