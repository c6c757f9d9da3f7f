"""Turns what a worker says of a test without numbers into a failure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from pytest_failhard.gates.performance.pairs.messages import Collected, Done, Raised, Uncollected
from pytest_failhard.gates.performance.samples import Failure, SideName


def of(done: Done) -> Failure | None:
    """Return why a test gave no numbers, None where it ran as it should."""
    kind = _kind(done)
    return _failure(kind, done.phase, done.error, done.lazy) if kind else None


def without_numbers(done: Done) -> Failure:
    """Return why a test ended before its benchmark was asked for anything."""
    return _failure(_kind(done) or "unused", done.phase, done.error, done.lazy)


def absences(benchmark: str, collected: Mapping[SideName, Collected]) -> dict[SideName, Failure]:
    """Return why a benchmark was not collected, by side; empty where both have it."""
    path = benchmark.partition("::")[0]
    return {
        name: _failure("absent", "collect", next((each for each in found.errors if _stops(each, path)), None))
        for name, found in collected.items()
        if benchmark not in {entry.id for entry in found.collected}
    }


def _stops(lost: Uncollected, path: str) -> bool:
    """Tell whether a file is not collected because of this one: itself, or a conftest above it."""
    place = PurePosixPath(lost.file)
    return lost.file == path or (
        place.name == "conftest.py" and PurePosixPath(path).is_relative_to(place.parent)
    )


def _kind(done: Done) -> str:
    if done.lazy:
        return "lazy"
    if done.repeat:
        return "not-repeatable"
    if done.outcome != "passed":
        return "skipped" if done.outcome == "skipped" else "failed"
    return "" if done.measured else "unused"


def _failure(kind: str, phase: str, error: Raised | Uncollected | None, otherwise: str = "") -> Failure:
    if error is None:
        return Failure(kind=kind, phase=phase, message=otherwise)
    return Failure(
        kind=kind, phase=phase, error=error.type, name=error.name, owner=error.owner, message=error.message
    )
