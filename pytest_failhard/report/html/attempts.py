"""When the system called its model: attempts and the pauses between them, from the evidence of `llm`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.html.reading import Loose, lines

MAX_CASES = 60
MAX_ATTEMPTS = 30
"""Of one case: who retries for ever is seen long before."""
ATTEMPT = b'"attempt":'
"""Stands in the lines of attempts, not in the one that sums a case up."""


class _Times(Loose):
    t_accept: float
    t_end: float
    gap: float | None = None


class _Line(Loose):
    case: str
    attempt: int
    kind: str
    fault: str = ""
    status: int
    hint_seconds: float | None = None
    model: str = ""
    route: str = ""
    close: str = ""
    volatile: _Times


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request as the provider saw it, in seconds since the first of its case.

    `pause` is the time since the attempt before it ended, `hint` what the provider had asked for.
    """

    number: int
    start: float
    end: float
    status: int
    """0 where no answer was sent."""
    what: str
    pause: float | None
    hint: float | None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One failure that was injected into one call."""

    name: str
    fault: str
    attempts: tuple[Attempt, ...]
    total: int

    @property
    def seconds(self) -> float:
        """Return how long the shown attempts took together."""
        return max(attempt.end for attempt in self.attempts)

    @property
    def pauses(self) -> tuple[float, ...]:
        """Return the pauses before the shown attempts."""
        return tuple(attempt.pause for attempt in self.attempts if attempt.pause is not None)


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """The cases with the most attempts; `total` counts all, `single` those with one attempt."""

    cases: tuple[Case, ...]
    total: int
    single: int


def read(exhibits: Exhibits) -> Attempts | None:
    """Return the cases, None where there is no such evidence; raises UnreadableError."""
    data = exhibits.of("llm", "attempts.jsonl")
    if data is None:
        return None
    found = sorted(lines(_Line, data, ATTEMPT), key=lambda line: (line.case, line.attempt))
    cases = [_case(name, list(alike)) for name, alike in groupby(found, key=lambda line: line.case)]
    cases.sort(key=lambda case: (-case.total, -len(case.pauses), case.name))
    return Attempts(
        cases=tuple(cases[:MAX_CASES]),
        total=len(cases),
        single=sum(case.total == 1 for case in cases),
    )


def _case(name: str, found: Sequence[_Line]) -> Case:
    first = min(line.volatile.t_accept for line in found)
    return Case(
        name=name,
        fault=next((line.fault for line in found if line.fault), ""),
        attempts=tuple(_attempt(line, first) for line in found[:MAX_ATTEMPTS]),
        total=len(found),
    )


def _attempt(line: _Line, first: float) -> Attempt:
    start, end = line.volatile.t_accept - first, line.volatile.t_end - first
    return Attempt(
        number=line.attempt,
        start=max(0.0, start),
        end=max(0.0, start, end),
        status=line.status,
        what=line.fault or ("healthy" if line.kind == "call" else line.kind),
        pause=line.volatile.gap,
        hint=line.hint_seconds,
    )
