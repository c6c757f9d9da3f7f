"""What a server does with a connection: the words of which every answer and every fault is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Send:
    """Write these bytes, all at once."""

    data: bytes


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """Wait, in seconds; bytes sent before have left."""

    seconds: float


@dataclass(frozen=True, kw_only=True)
class Drip:
    """Write `size` bytes every `every` seconds until all are written."""

    data: bytes
    size: int
    every: float


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """Write the same bytes every `every` seconds until the peer goes away."""

    data: bytes
    every: float


@dataclass(frozen=True, kw_only=True)
class Hang:
    """Do nothing until the peer goes away."""


@dataclass(frozen=True, kw_only=True)
class Fin:
    """Close the connection in order: the peer reads an end of file."""


@dataclass(frozen=True, kw_only=True)
class Rst:
    """Reset the connection: the peer's read fails. Bytes sent just before may be lost; sleep first."""


Operation = Send | Sleep | Drip | Repeat | Hang | Fin | Rst


@dataclass(frozen=True, kw_only=True)
class Script:
    """An answer: what to do, one operation after the other. Without Fin or Rst the connection stays open."""

    operations: tuple[Operation, ...]

    @property
    def data(self) -> bytes:
        """Return all the bytes that it sends at least once: for golden files and for printing."""
        sends = (each for each in self.operations if isinstance(each, (Send, Drip, Repeat)))
        return b"".join(each.data for each in sends)
