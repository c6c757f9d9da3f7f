"""What a gate leaves for a later run, piece by piece, each bound to what it rests on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.model import Run


class Pieces:
    """The pieces that a gate left in earlier runs, and leaves in this one."""

    def __init__(self, run: Run) -> None:
        self._run = run
        # Whole and written by this very code, or it would not have been handed out.
        self._known: dict[str, list[str]] = json.loads(run.recall() or b"{}")

    def get(self, name: str, bound: str) -> str | None:
        """Return what was left under a name, None where that rests on something else than `bound`."""
        found = self._known.get(name)
        return found[1] if found is not None and found[0] == bound else None

    def put(self, name: str, bound: str, text: str) -> None:
        """Leave a text that holds as long as `bound` is the same: a digest of all that it rests on.

        That the packages, tools, settings and our own code are the same goes without saying.
        """
        self._known[name] = [bound, text]
        self._run.remember(json.dumps(self._known).encode())
