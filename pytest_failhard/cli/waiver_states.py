"""Says of every waiver of a project in which state it is: in force, ended, of no use, not approved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pytest_failhard import judge, policy, waivers
from pytest_failhard.gates import builtin
from pytest_failhard.model import Verdict
from pytest_failhard.source import base as git_base

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytest_failhard.model import Base, Policy, Waiver
    from pytest_failhard.report.document import Document, GatePart

ACTIVE, EXPIRING, EXPIRED = "active", "expiring", "expired"
UNUSED, INVALID, PENDING, UNJUDGED = "unused", "invalid", "pending approval", "not judged"


@dataclass(frozen=True, kw_only=True)
class State:
    """A waiver, the state that it is in, and why."""

    waiver: Waiver
    word: str
    why: str = ""


def states(
    root: Path, report: Document, today: date, policy_file: Path | None, base: str | None
) -> tuple[State, ...]:
    """Return the state of each waiver in the file of a project, in the order of the report's.

    Raises WaiverError where the file is invalid, PolicyError and GateError.
    """
    known = {*(gate.id for gate in builtin()), *(part.id for part in report.gates)}
    terms = policy.load(report.level, known, policy_file, today=today)
    path = root / waivers.FILE
    try:
        listed = waivers.load(path.read_bytes() if path.is_file() else None, terms, today, gate_ids=known)
    except waivers.WaiverError as error:
        raise waivers.WaiverError([f"{INVALID}: {mistake}" for mistake in error.mistakes]) from None
    at_base = git_base.resolve(root, base, "") if base is not None else None
    pending = _pending(listed, at_base, terms)
    parts = {part.id: part for part in report.gates}
    return tuple(_state(waiver, parts.get(waiver.gate), pending, terms, today) for waiver in listed)


def lines(found: Sequence[State]) -> Iterator[str]:
    """Yield a line for each waiver and one with the counts."""
    for each in found:
        waiver = each.waiver
        why = f": {each.why}" if each.why else ""
        yield f"{each.word}: {waiver.place} until {waiver.expires} (owner {waiver.owner}){why}"
    words = (ACTIVE, EXPIRING, EXPIRED, UNUSED, PENDING, UNJUDGED)
    counts = [f"{count} {word}" for word in words if (count := sum(each.word == word for each in found))]
    yield f"{len(found)} waivers: {', '.join(counts)}" if found else "no waivers"


def _pending(listed: Sequence[Waiver], base: Base | None, terms: Policy) -> frozenset[Waiver]:
    if base is None:
        return frozenset()
    return frozenset(waivers.approved(listed, base.read(waivers.FILE), terms)[1])


def _state(
    waiver: Waiver, part: GatePart | None, pending: frozenset[Waiver], terms: Policy, today: date
) -> State:
    if today > waiver.expires:
        return State(waiver=waiver, word=EXPIRED, why="renew it, or take it out")
    if waiver in pending:
        return State(waiver=waiver, word=PENDING, why="it counts as it is written once the merge base has it")
    if part is None or part.verdict == Verdict.ERROR.value:
        why = "the last report has no such gate" if part is None else "its gate is an error, never waived"
        return State(waiver=waiver, word=UNJUDGED, why=why)
    if not any(_is_of(waiver, each.waiver.fingerprint, each.waiver.rule) for each in part.waived):
        return State(waiver=waiver, word=UNUSED, why=_why_unused(waiver, part))
    if judge.expiring([waiver], terms.waivers, today):
        return State(waiver=waiver, word=EXPIRING, why=f"{(waiver.expires - today).days} days left")
    return State(waiver=waiver, word=ACTIVE)


def _is_of(waiver: Waiver, fingerprint: str, rule: str) -> bool:
    return waiver.fingerprint == fingerprint and waiver.rule == rule


def _why_unused(waiver: Waiver, part: GatePart) -> str:
    """Return what the last report says of it; a waiver that was written since is not in there."""
    own = (each.message for each in part.findings if each.path == waivers.FILE)
    said = [message for message in own if waiver.place in message]
    return said[0].rpartition(") ")[2] if said else "the last report did not use it; run `failhard check`"
