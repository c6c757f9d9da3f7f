"""Where the worker runs: at home to start, set up and end, on the pair's processor to be measured."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from . import clocks, proof

PROCESSOR, HOME = "FAILHARD_CPU", "FAILHARD_HOME"
PASSES = 3
"""A thread may be started by one that has not moved yet, while others are moved."""


class Place:
    """The processors of this process. It never has more than one at a time, unless a benchmark asks for all.

    So whatever sizes itself by the processors finds one, from the start on; both sides of a pair start at the
    same time, each on its own.
    """

    def __init__(self) -> None:
        self._everywhere = frozenset(proof.affinity())
        self._measured = _one(PROCESSOR) if self._everywhere else frozenset[int]()
        self._home = (_one(HOME) if self._everywhere else frozenset[int]()) or self._measured
        self._seen: set[int] = set()

    def prepare(self, *, pinned: bool) -> None:
        """Go where nothing is measured."""
        self._move(self._home if pinned else self._everywhere)

    def measure(self, *, pinned: bool) -> list[int]:
        """Go where it is measured; return the processors on which any thread may run then."""
        self._move(self._measured if pinned else self._everywhere)
        return self.note()

    def note(self) -> list[int]:
        """Remember and return the processors on which any thread may run; none where nothing is bound."""
        if not self._measured:
            return []
        found = {processor for _, allowed in _threads() for processor in allowed}
        self._seen |= found
        return sorted(found)

    def seen(self) -> list[int]:
        """Return all processors that were noted; without any those of now."""
        return sorted(self._seen or self._measured or self._everywhere)

    def _move(self, wanted: frozenset[int]) -> None:
        """Move every thread there is; one that a thread starts later runs where that one does."""
        if not self._measured:
            return
        for _ in range(PASSES):
            for thread, _ in list(_threads()):
                with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                    os.sched_setaffinity(thread, wanted)


def _one(variable: str) -> frozenset[int]:
    said = os.environ.pop(variable, "")
    return frozenset({int(said)}) if said else frozenset()


def _threads() -> Iterator[tuple[int, set[int]]]:
    for task in Path(clocks.TASKS).iterdir():
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            yield int(task.name), os.sched_getaffinity(int(task.name))
