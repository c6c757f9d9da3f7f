"""What a project and a policy say about where advisories come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class VulnerabilitiesSettings(Settings):
    """Where advisories come from."""

    mode: Literal["auto", "online", "osv", "file"] = "auto"
    """`online` asks the package index, `osv` an OSV service, `auto` the first and then the second."""
    path: str = ""
    """An advisory file, relative to the root: what `file` reads, and what a live mode is compared with."""
    sha256: str = ""
    """The digest that it must have; empty where a sidecar `<path>.sha256` says it."""
    osv_url: str = ""
    """The OSV service; empty for the public one. Only a policy names another."""
