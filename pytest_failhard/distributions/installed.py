"""The distributions that are installed for the target, as their metadata files describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class RecordedFile:
    """A line of RECORD. `path` is relative to the folder that holds the `.dist-info`.

    `sha256` is in RECORD's own form (urlsafe base64 without padding), empty where RECORD has none.
    """

    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One installed distribution. `name` is canonical, `raw_name` as METADATA spells it."""

    name: str
    raw_name: str
    version: str
    folder: Path
    """Its `.dist-info` folder."""
    headers: tuple[tuple[str, str], ...] = ()
    """The fields of METADATA in order, unfolded; the description is left out."""
    files: tuple[RecordedFile, ...] = ()
    direct_url: Mapping[str, object] = field(default_factory=dict)
    """What `direct_url.json` holds, empty without one."""
    tags: frozenset[str] = frozenset()
    """The `Tag:` lines of WHEEL."""
    is_editable: bool = False

    def all(self, header: str) -> tuple[str, ...]:
        """Return the values of a field of METADATA, whatever its case."""
        return tuple(value for key, value in self.headers if key.lower() == header.lower())

    def one(self, header: str) -> str:
        """Return the first value of a field of METADATA, empty without one."""
        return next(iter(self.all(header)), "")

    @property
    def requires(self) -> tuple[str, ...]:
        """The requirements, as METADATA spells them."""
        return self.all("Requires-Dist")
