"""What one run of a system under one fault left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Link:
    """One exception of a chain: its qualified type name (`openai.RateLimitError`) and its text."""

    type: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of one call of a system, seen from outside.

    `form` is how the system was called. `ended` is false where the watchdog had to end it. `code` is the
    exit code of a command or the HTTP status of a route, None for a callable or where nothing came back.
    `produced` says that it claims success: exit 0, a status below 400, a return value. `result` is the
    declared result as text, empty where there is none. `chain` is the exception with all its causes and
    contexts, outermost first. `streams` are all texts in which a secret can leak, by name (`stdout`,
    `stderr`, `log`, `headers`, `body`, `argv`); `files` what was created or changed, by relative path.
    `seconds` is the duration.
    """

    form: Literal["callable", "command", "route"]
    ended: bool
    produced: bool
    code: int | None = None
    result: str = ""
    chain: tuple[Link, ...] = ()
    streams: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it ended in time and claims success."""
        return self.ended and self.produced
