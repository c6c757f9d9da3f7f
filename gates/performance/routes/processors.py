"""Decides on which processor the servers run and on which the load is made, and keeps both there."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a pair runs: its servers on one processor, what asks them on the others. None: anywhere."""

    servers: int | None = None
    load: frozenset[int] = frozenset()


def allowed() -> tuple[int, ...]:
    """Return the processors that we may use; none where the platform cannot be told which."""
    return tuple(sorted(os.sched_getaffinity(0))) if sys.platform == "linux" else ()


def placement(number: int, allowed: Collection[int]) -> Placement:
    """Return the placement of a pair; the processor of the servers rotates. With one there is no choice."""
    if len(allowed) < 2:
        return Placement()
    chosen = sorted(allowed)[number % len(allowed)]
    return Placement(servers=chosen, load=frozenset(allowed) - {chosen})


@contextlib.contextmanager
def starting(place: Placement) -> Iterator[None]:
    """Have what is started in the block run on the processor of the servers, with all that it starts."""
    if place.servers is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {place.servers})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def loading(place: Placement) -> Iterator[None]:
    """Keep all threads of ours off the processor of the servers while the block runs.

    A model and links to dependencies answer from this process too. A thread inherits from who starts it.
    """
    if place.servers is None:
        yield
        return
    before = os.sched_getaffinity(0)
    _move(place.load)
    try:
        yield
    finally:
        _move(before)


def _move(allowed: Collection[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        # One that has just ended needs no place.
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), allowed)
