"""What a project and a policy may say to the gate `container`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class ContainerSettings(Settings):
    """How bad each rule is, what is built, and whether it is built here."""

    severity: dict[str, str] = field(default_factory=dict)
    """Rule -> off, low, medium or high; what is not named is off."""
    engine: Literal["static", "required"] = "static"
    """`static`: files are read. `required`: the image is built, too, by an engine that must be there."""
    target: str = ""
    """The stage that is deployed, empty for the last one."""
    rendered: dict[str, str] = field(default_factory=dict)
    """Template, or folder of templates -> the file with the manifests that it makes."""
    nonroot_bases: tuple[str, ...] = ()
    """Globs of images that bring a user of their own who is not root."""
    max_file_bytes: int = 1024 * 1024
    """A larger file cannot be examined."""
