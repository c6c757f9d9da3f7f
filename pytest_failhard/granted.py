"""Reads what lets findings through, as far as somebody other than the change itself granted it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard import baseline, waivers
from pytest_failhard.model import Stock

if TYPE_CHECKING:
    from datetime import date

    from pytest_failhard.model import Base, Clarification, Frozen, Policy, Waiver

WAIVERS = "failhard-waivers.yaml"


def text(root: Path, name: str, base: Base | None) -> bytes | None:
    """Return a file of the project, of the merge base where one approves."""
    if base is not None:
        return base.read(name)
    path = root / name
    return path.read_bytes() if path.is_file() else None


def waived(
    root: Path, base: Base | None, terms: Policy, today: date, known: Collection[str]
) -> tuple[tuple[Waiver, ...], tuple[Waiver, ...], list[str]]:
    """Return the waivers in force, those that the merge base has not approved yet, and all mistakes."""
    try:
        listed = waivers.load(text(root, WAIVERS, None), terms, today, WAIVERS, known)
    except waivers.WaiverError as error:
        return (), (), list(error.mistakes)
    if base is None:
        return listed, (), []
    return (*waivers.approved(listed, base.read(WAIVERS), terms), [])


def clarified(data: bytes | None) -> tuple[Clarification, ...]:
    """Return how licences were read; those of a merge base whose file cannot be read have no effect."""
    try:
        return waivers.clarifications(data, WAIVERS)
    except waivers.WaiverError:
        return ()


def stock(
    root: Path, base: Base | None, level: int, known: Collection[str]
) -> tuple[Stock, list[str], list[str]]:
    """Return what is frozen, a note on what the merge base lacks, and all mistakes."""
    data = text(root, baseline.FILE, None)
    if data is None:
        return Stock(), [], []
    try:
        frozen = baseline.parse(data).frozen
    except baseline.BaselineError as error:
        return Stock(), [], list(error.mistakes)
    unknown = baseline.unknown(frozen, known)
    grown: tuple[Frozen, ...] = ()
    if base is not None:
        frozen, grown = baseline.approved(frozen, baseline.of_base(base.read(baseline.FILE)))
    counts = level in baseline.LEVELS
    held = Stock(frozen=frozen) if counts else Stock(refused=(*frozen, *grown))
    return held, baseline.pending_notes(grown), unknown
