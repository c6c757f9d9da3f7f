"""What reading one file may cost."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failhard.source.files import MAX_FILE_BYTES


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a file may cost: its bytes, and the processor seconds of all rules on it."""

    max_bytes: int = MAX_FILE_BYTES
    max_seconds: int = 5
    """More is no source that anybody reads."""
