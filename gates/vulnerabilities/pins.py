"""The members of the closure as pins that a service can be asked about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_failhard.distributions.advisories.matching import parsed


@dataclass(frozen=True, kw_only=True, order=True)
class Pin:
    """A package (canonical name) in a version.

    `version` is what is asked for: normal, and without the local part (`+cu121`), which no service
    knows. `installed` is what is there.
    """

    name: str
    version: str
    installed: str


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What can be asked about, and what cannot: its name, with what there is for a version."""

    askable: tuple[Pin, ...]
    unreadable: tuple[Pin, ...] = ()


def pins(members: Iterable[tuple[str, str]]) -> Pins:
    """Return the pins of (canonical name, version) pairs, sorted."""
    askable, unreadable = [], []
    for name, installed in sorted(members):
        version = parsed(installed)
        if version is None:
            unreadable.append(Pin(name=name, version="", installed=installed))
        else:
            askable.append(Pin(name=name, version=version.public, installed=installed))
    return Pins(askable=tuple(askable), unreadable=tuple(unreadable))


def text(pins: Iterable[Pin]) -> str:
    """Return a requirements file that pins them, and nothing else."""
    return "".join(f"{pin.name}=={pin.version}\n" for pin in sorted(pins))
