"""Remembers all that the system said in a run: answers, output, arguments, files."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_failhard.system.ask import Answer

MAX_ANSWERS = 5000
"""Of a load run every answer counts for the measures; for a look at what they say, these are enough."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer, and what it was asked by: a route's id, or a check's own name for it."""

    asked: str
    answer: Answer
    request_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """One start of the system: what it was for, what it wrote, with which arguments it ran."""

    purpose: str
    stdout: str
    stderr: str
    log: str
    """What of it the declaration calls the log."""
    argv: tuple[tuple[str, ...], ...]
    """The arguments of each of its processes."""
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A route that was asked with a request id. `place` is its method and path as declared."""

    route: str
    place: str
    request_id: str
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One round over all routes: each asked by an id of its own, and once more with personal data.

    `output` is all that the system wrote meanwhile, `log` what of it is declared as its log. The readings
    are those of its counters, before and after some requests.
    """

    asked: tuple[Asked, ...]
    personal: Mapping[str, str]
    output: str
    log: str
    before: tuple[Answer, ...]
    after: tuple[Answer, ...]


class Record:
    """Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: list[Said] = []
        self._ended: list[Ended] = []

    def answer(self, asked: str, answer: Answer, request_id: str = "") -> None:
        """Remember an answer."""
        with self._lock:
            if len(self._said) < MAX_ANSWERS:
                self._said.append(Said(asked=asked, answer=answer, request_id=request_id))

    def end(self, ended: Ended) -> None:
        """Remember a start that is over."""
        with self._lock:
            self._ended.append(ended)

    @property
    def answers(self) -> tuple[Said, ...]:
        """What was answered so far."""
        with self._lock:
            return tuple(self._said)

    @property
    def starts(self) -> tuple[Ended, ...]:
        """The starts that are over."""
        with self._lock:
            return tuple(self._ended)
