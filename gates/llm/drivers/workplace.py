"""Where a driver works: a copy of the project, and the environment that the declaration asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.system import workcopy
from pytest_failhard.system.environment import Prepared


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a driver works: a copy of the project, and the environment that the declaration asks for."""

    tree: Path
    prepared: Prepared

    def watch(self) -> workcopy.Watch:
        """Return a watch over all that the system can be expected to write to."""
        ours = self.prepared
        return workcopy.Watch(self.tree, ours.home, ours.temporary, ours.data)
