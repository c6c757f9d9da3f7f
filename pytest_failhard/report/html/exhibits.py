"""What a report may show beside itself: bytes of kept evidence, and lines of source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, TypeVar

Value = TypeVar("Value")

DRAWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "coverage": ("coverage.json",),
        "llm": ("attempts.jsonl",),
        "sbom": ("sbom.cdx.json",),
        "licences": ("licences.json",),
        "performance": ("decisions.json", "pairs.jsonl", "counters.json", "load*", "workloads*"),
    }
)
"""The evidence that is drawn, by gate: names, and with a trailing `*` how names begin."""
CONTEXT = 2
"""So many lines of source are shown above that of a finding, and below it."""


class Cleaner(Protocol):
    """Takes secrets out of a frozen value."""

    def __call__(self, value: Value, /) -> Value:
        """Return the value without them."""


def unchanged(value: Value, /) -> Value:
    """Return the value: for what holds no secret."""
    return value


@dataclass(frozen=True, kw_only=True)
class Exhibits:
    """Evidence by gate and name, and source by path and line; what is not here is not shown.

    `left_out` says what was not read, and why. `clean` goes over all texts that come of the evidence.
    """

    evidence: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    source: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    clean: Cleaner = unchanged

    def of(self, gate: str, name: str) -> bytes | None:
        """Return the bytes of one file of evidence, None where it is not here."""
        return self.evidence.get((gate, name))

    def beginning(self, gate: str, prefix: str) -> tuple[tuple[str, bytes], ...]:
        """Return name and bytes of all files of a gate whose name begins so, by name."""
        found = ((name, data) for (owner, name), data in self.evidence.items() if owner == gate)
        return tuple(sorted((name, data) for name, data in found if name.startswith(prefix)))


def is_drawn(gate: str, name: str) -> bool:
    """Tell whether a file of evidence is drawn."""
    known = DRAWN.get(gate, ())
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in known)
