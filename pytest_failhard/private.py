"""Says where a run keeps what outlives it, beside the report or in the user's cache directory."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.model import GateError, Mode

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.store.entries import Entries

REPORTS = ".failhard"
PRODUCT = "pytest-failhard"
CACHE = "cache"
LIMIT = "FAILHARD_CACHE_MB"
CHECKPOINTS = "FAILHARD_CHECKPOINT"
LIMIT_MEGABYTES = 256
MEGABYTE = 1024 * 1024
ROOT_DIGITS = 32


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder for us alone: `parts` are folders below `start`, none of them a link.

    `limit` is in bytes; 0 switches the cache off.
    """

    start: Path
    parts: tuple[str, ...]
    limit: int

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.start.joinpath(*self.parts)

    def beside(self, name: str) -> Place:
        """Return the place of another project."""
        return Place(start=self.start, parts=(*self.parts[:-1], name), limit=self.limit)

    def open(self) -> Entries:
        """Open the cache there; raises StoreError where it must not or cannot be used."""
        from pytest_failhard.store.entries import Entries

        return Entries.open(self.start, self.parts, self.limit)

    def to_json(self) -> dict[str, Option]:
        """Return it for the worker process."""
        return {"start": str(self.start), "parts": [*self.parts], "limit": self.limit}

    @classmethod
    def from_json(cls, said: Mapping[str, Option]) -> Place:
        """Read back what `to_json` gave; raises GateError for anything else."""
        match said:
            case {"start": str(start), "parts": list(parts), "limit": int(limit)}:
                return cls(start=Path(start), parts=tuple(map(str, parts)), limit=limit)
            case _:
                raise GateError(f"no place of ours: {said}")


def place(root: Path, mode: Mode, environ: Mapping[str, str], kind: str = CACHE) -> Place:
    """Return where something of a project is kept; raises GateError for a limit that is no number.

    Under `failhard check` it lies outside the tree, which the project's tests write to.
    """
    limit = _limit(environ)
    if mode is Mode.AUTHOR:
        return Place(start=root, parts=(REPORTS, kind), limit=limit)
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:ROOT_DIGITS]
    return Place(start=_user_folder(environ), parts=(PRODUCT, kind, digest), limit=limit)


def keeps_checkpoints(environ: Mapping[str, str]) -> bool:
    """Tell whether a run keeps what it has finished; raises GateError for anything but 0 and 1."""
    given = environ.get(CHECKPOINTS, "") or "1"
    if given not in {"0", "1"}:
        raise GateError(f"{CHECKPOINTS}: {given!r} is neither 0 nor 1; write 0 to keep none, or unset it")
    return given == "1"


def _user_folder(environ: Mapping[str, str]) -> Path:
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():
        return named
    home = Path(environ.get("HOME") or Path.home())
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"


def _limit(environ: Mapping[str, str]) -> int:
    given = environ.get(LIMIT, "") or str(LIMIT_MEGABYTES)
    if not given.isascii() or not given.isdigit():
        raise GateError(f"{LIMIT}: {given!r} is no number of megabytes; write for example 256, or unset it")
    return int(given) * MEGABYTE
