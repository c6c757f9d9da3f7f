"""Brings every member of the closure into exactly one state."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_failhard.distributions.advisories import fixes
from pytest_failhard.distributions.advisories.matching import Issue, Matched, issues, match, merged
from pytest_failhard.distributions.advisories.records import Database
from pytest_failhard.gates.vulnerabilities.audit import Entry
from pytest_failhard.gates.vulnerabilities.pins import Pin, Pins
from pytest_failhard.gates.vulnerabilities.sources import reported
from pytest_failhard.model import GateError


class State(enum.Enum):
    """What is known of a member; waiving is the judge's."""

    CLEAN = "clean"
    VULNERABLE = "vulnerable"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, kw_only=True, order=True)
class Doubt:
    """Why a member cannot be called clean. `anchor` is what of it does not move."""

    anchor: str
    text: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of the closure. `upgrade` mends all its issues, empty where no such version is known."""

    name: str
    version: str
    issues: tuple[Issue, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    upgrade: str = ""

    @property
    def state(self) -> State:
        """The one state; what is certain comes before what is in doubt."""
        if self.issues:
            return State.VULNERABLE
        return State.UNDETERMINED if self.doubts else State.CLEAN


def account(
    pins: Pins, missing: Iterable[str], entries: Mapping[str, Entry], database: Database | None
) -> tuple[Member, ...]:
    """Return every member with what is known of it, sorted; raises GateError where one is lost.

    `missing` are names that are required and not installed.
    """
    members = [
        *(_asked(pin, entries[pin.name], database) for pin in pins.askable),
        *(_unreadable(pin, database) for pin in pins.unreadable),
        *(_absent(name) for name in sorted(set(missing))),
    ]
    names = {member.name for member in members}
    if len(names) != len(members) or set(entries) != {pin.name for pin in pins.askable}:
        raise GateError(f"{len(members)} states for {len(names)} members: an account that does not add up")
    return tuple(sorted(members, key=lambda member: member.name))


def _asked(pin: Pin, entry: Entry, database: Database | None) -> Member:
    own = match(database, pin.name, pin.installed) if database is not None else Matched()
    found = merged([*reported(entry), *issues(own.advisories)])
    doubts = _vague(own)
    if entry.skipped:
        doubts.append(
            Doubt(
                anchor="skipped",
                text=f"was not audited: {entry.skipped}",
                remedy="audit it where its advisories are known, or waive it with a reason",
            )
        )
    return Member(
        name=pin.name,
        version=pin.installed,
        issues=found,
        doubts=tuple(sorted(doubts)),
        upgrade=fixes.recommended(found, pin.name, pin.installed, database) if found else "",
    )


def _unreadable(pin: Pin, database: Database | None) -> Member:
    own = match(database, pin.name, pin.installed) if database is not None else Matched()
    doubt = Doubt(
        anchor="version",
        text=f"has the version {pin.installed!r}, which PEP 440 does not know",
        remedy="install a release with a version that can be compared",
    )
    return Member(
        name=pin.name,
        version=pin.installed,
        issues=issues(own.advisories),
        doubts=tuple(sorted([doubt, *_vague(own)])),
    )


def _absent(name: str) -> Member:
    doubt = Doubt(
        anchor="missing",
        text="is required and not installed, so its version is not known",
        remedy="install the project's dependencies, then run again",
    )
    return Member(name=name, version="", doubts=(doubt,))


def _vague(own: Matched) -> list[Doubt]:
    return [
        Doubt(
            anchor=each.id,
            text=f"may be affected by {each.id}, whose versions cannot be evaluated",
            remedy=f"read {each.id} and waive it where this version is not affected",
        )
        for each in own.unknown
    ]
