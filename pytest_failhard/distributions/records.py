"""Holds installed files against RECORD, the list of hashes that the installer wrote."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from pytest_failhard.distributions.installed import Distribution, RecordedFile

RECORD = "RECORD"
SIGNATURES = ("RECORD.jws", "RECORD.p7s")


def changed(distribution: Distribution) -> tuple[str, ...]:
    """Return the recorded files that are gone or have another hash, sorted.

    One that has no hash counts too, unless it cannot have any (RECORD itself, its signatures) or is
    compiled on the spot. Without a RECORD nothing is proven: then RECORD is what is gone.
    """
    parent = distribution.folder.parent
    record = f"{distribution.folder.name}/{RECORD}"
    if not distribution.files:
        return (record,)
    exempt = {f"{distribution.folder.name}/{name}" for name in (RECORD, *SIGNATURES)}
    recorded = (file for file in distribution.files if file.path not in exempt)
    return tuple(sorted(file.path for file in recorded if not _is_as_recorded(parent, file)))


def _is_as_recorded(parent: Path, file: RecordedFile) -> bool:
    algorithm, _, digest = ("sha256", "", file.sha256) if file.sha256 else file.other.partition("=")
    if not digest:
        return file.path.endswith(".pyc")
    try:
        with (parent / file.path).open("rb", buffering=0) as stream:
            found = hashlib.file_digest(stream, algorithm).digest()
    except (OSError, ValueError):
        # Gone, no file, or hashed by an algorithm that nobody here knows: not proven.
        return False
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == digest
