"""What the lock files of a project pin: versions, hashes, upload times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class LockedFile:
    """A wheel or sdist of a lock. `name` is empty in requirements files, which hold bare hashes."""

    name: str
    sha256: str
    """In hexadecimal, empty where the lock has none."""
    uploaded: datetime | None = None
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class LockedPackage:
    """One version of a distribution in a lock; `name` is canonical."""

    name: str
    version: str
    files: tuple[LockedFile, ...] = ()
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Lock:
    """One lock file. `not_after` bounds the upload times of all its files where they are not said singly."""

    path: str
    packages: Mapping[str, tuple[LockedPackage, ...]]
    not_after: datetime | None = None
    has_upload_times: bool = False


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """What was installed of a closure member: the locked wheel that fits, or the sdist it was built from.

    `sha256` is empty where no lock says it. `is_built` for an sdist.
    """

    filename: str = ""
    sha256: str = ""
    is_built: bool = False
    lock: str = ""
