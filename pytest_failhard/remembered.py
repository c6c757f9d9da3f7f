"""What is remembered from one run to the next, in the words of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

RUN = "run"
"""Stands where a gate's id stands, and means the run as a whole."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A run that left something failing. `at` is its start, in UTC; `commit` is empty outside git."""

    at: str
    commit: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """A gate, or the run, that further tries are not likely to mend, and what was tried so far."""

    gate: str
    why: str
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person decided about a gate, or about the run. `expires` is the last day, None for no end."""

    gate: str
    choice: str
    reason: str
    owner: str
    at: str
    expires: date | None = None
    ref: str = ""

    def holds(self, today: date) -> bool:
        """Tell whether it is still in force."""
        return self.expires is None or today <= self.expires


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """A test or case whose answer is not to be relied on. It is not passed; `expires` is the last day."""

    id: str
    kind: str
    gate: str
    subject: str
    reason: str
    owner: str
    since: date
    expires: date

    def holds(self, today: date) -> bool:
        """Tell whether it is still in force."""
        return today <= self.expires
