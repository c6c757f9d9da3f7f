"""Tells installed files that only gained a link elsewhere from installed files that were written."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path, PurePosixPath

from pytest_failhard import stamps
from pytest_failhard.stamps import Listed

RECORD = ".dist-info/RECORD"
ALGORITHM = "sha256="


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is remembered of a folder: digests of its files without times of change, of these, of RECORDs.

    `newest` is the last time of change in it, in nanoseconds: who has a later one changed since.
    """

    files: str
    changes: str
    records: str
    newest: int

    @classmethod
    def of(cls, files: Sequence[Listed]) -> Known:
        """Return what is to be remembered of these files."""
        # A change in the moment of the reading may have the time of one before it.
        settled = time.time_ns() - stamps.RACY_NS
        without, changes = stamps.parted_digests(files)
        return cls(
            files=without,
            changes=changes,
            records=stamps.files_digest([each for each in files if each.path.endswith(RECORD)]),
            newest=min(settled, max((each.stamp.changed for each in files), default=0)),
        )

    @property
    def digest(self) -> str:
        """One digest of all stamps, as `stamps.files_digest` has it."""
        return stamps.digest((self.files, self.changes))

    def dump(self) -> list[str | int]:
        """Return plain values."""
        return [*astuple(self)]

    @classmethod
    def load(cls, values: Sequence[object]) -> Known:
        """Read back what `dump` gave."""
        match values:
            case [str(files), str(changes), str(records), int(newest)]:
                return cls(files=files, changes=changes, records=records, newest=newest)
            case _:
                raise ValueError(f"nothing that is known of a folder: {values!r}")


def is_same(folder: Path, files: Sequence[Listed], known: Known) -> bool:
    """Tell whether no file was written since a folder was `known`: a link alone moves its time of change.

    Whatever changed since must have the bytes that the RECORD of its package names, and the RECORDs must
    not have changed at all. Raises OSError where a file cannot be read.
    """
    now = Known.of(files)
    if (now.files, now.records) != (known.files, known.records):
        return False
    suspects = [each for each in files if each.stamp.changed > known.newest]
    recorded = dict(_recorded(folder, files))
    return all(_is_as_recorded(folder, each, recorded.get(each.path, "")) for each in suspects)


def _recorded(folder: Path, files: Sequence[Listed]) -> Iterator[tuple[str, str]]:
    """Yield each recorded path relative to the folder, with its hash as RECORD has it."""
    for each in files:
        if not each.path.endswith(RECORD):
            continue
        packages = PurePosixPath(each.path).parent.parent
        with (folder / each.path).open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            for row in csv.reader(stream):
                if len(row) > 1 and row[1].startswith(ALGORITHM):
                    path = os.path.normpath(packages / row[0])
                    yield path, row[1].removeprefix(ALGORITHM)


def _is_as_recorded(folder: Path, file: Listed, recorded: str) -> bool:
    if not recorded or not stat.S_ISREG(file.stamp.mode):
        return False
    with os.fdopen(os.open(folder / file.path, stamps.READING), "rb") as stream:
        found = hashlib.file_digest(stream, "sha256").digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == recorded
