"""What a project and a policy may say to the gate `dependencies`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class DependenciesSettings(Settings):
    """Where declarations and locks stand, and what is demanded of them.

    The first four are read for the other gates of the supply chain as well.
    """

    files: tuple[str, ...] = ()
    """Requirements files that declare what production is installed with; else `requirements.txt`."""
    groups: tuple[str, ...] = ()
    """Dependency groups that production is installed with."""
    extras: tuple[str, ...] = ()
    """The project's own extras that production is installed with."""
    locks: tuple[str, ...] = ()
    """Lock files; else those with a usual name."""
    lock: Literal["", "required"] = ""
    """Whether every member of the closure must be locked."""
    verify_files: bool = False
    """Whether every installed file of the closure must be as its RECORD says."""
    hashes: Literal["", "required"] = ""
    """Whether every lock entry must have a sha256."""
    editable: Literal["", "forbidden"] = ""
    """Whether a member may be installed from a folder, without a copy; the project itself may."""
    min_age_days: int = 0
    """How old a locked file must be at the time of the commit."""
