"""What lock files hold: the types that the readers of their forms fill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from packaging.version import InvalidVersion, Version


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
    """One version of a distribution in a lock; `name` is canonical, `version` empty where none is said."""

    name: str
    version: str
    files: tuple[LockedFile, ...] = ()
    line: int = 0

    def is_version(self, version: str) -> bool:
        """Tell whether this is an installed version, however the two are spelled."""
        try:
            return Version(self.version) == Version(version)
        except InvalidVersion:
            return self.version == version


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
    candidates: tuple[str, ...] = ()
    """The hashes of which one is the artefact's, where a lock does not say which file has which."""


def lock(path: str, packages: Iterable[LockedPackage], not_after: datetime | None = None) -> Lock:
    """Return a lock of packages in the order of their names."""
    found: dict[str, tuple[LockedPackage, ...]] = {}
    for package in sorted(packages, key=lambda each: (each.name, each.line)):
        found[package.name] = (*found.get(package.name, ()), package)
    files = (file for entries in found.values() for entry in entries for file in entry.files)
    return Lock(
        path=path,
        packages=found,
        not_after=not_after,
        has_upload_times=any(file.uploaded is not None for file in files),
    )


def moment(value: object) -> datetime | None:
    """Return a point in time that TOML or a text says, None for anything else; one without a zone is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
