"""What an advisory says of one package, whatever form it was written in."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

PREFERRED = ("PYSEC-", "CVE-", "GHSA-")
"""Whose ids lead where an advisory has several."""


class End(enum.IntEnum):
    """What the upper bound of a span means; the numbers are those of the compact form."""

    FIXED = 0
    """The first version that is not affected."""
    LAST_AFFECTED = 1
    LIMIT = 2
    """Beyond it the advisory says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Affected versions from `introduced` ("0" lies below all) to `upper`, without end where that is None."""

    introduced: str
    upper: str | None
    end: End = End.FIXED


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisory:
    """One advisory as far as it speaks of one package. Versions are text as published.

    `vectors` are CVSS version 3 vectors; `published` and `withdrawn` are empty where it has none.
    """

    id: str
    aliases: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    versions: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    published: str = ""
    withdrawn: str = ""
    summary: str = ""

    @property
    def ids(self) -> frozenset[str]:
        """All its names."""
        return frozenset({self.id, *self.aliases})


@dataclass(frozen=True, kw_only=True)
class Database:
    """A set of advisories by canonical package name, true as of a moment (with a time zone).

    `sha256` is the digest of the file or folder that it came from, `records` the number of its records.
    """

    packages: Mapping[str, tuple[Advisory, ...]]
    as_of: datetime
    sha256: str
    source: str
    licence: str
    records: int

    def of(self, name: str) -> tuple[Advisory, ...]:
        """Return what is known of a package by its canonical name."""
        return self.packages.get(name, ())


def ordered(ids: Iterable[str]) -> tuple[str, ...]:
    """Return ids with the one first by which an advisory is best known."""
    return tuple(sorted(ids, key=lambda each: (_rank(each), each)))


def _rank(name: str) -> int:
    return next((rank for rank, prefix in enumerate(PREFERRED) if name.startswith(prefix)), len(PREFERRED))
