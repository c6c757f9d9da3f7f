"""Advisory files: recognised by content, bound by a digest, refused where they prove nothing."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from pytest_failhard.distributions.advisories import canaries, compact, osv
from pytest_failhard.distributions.advisories.records import Advisory, Database
from pytest_failhard.model import GateError

ARCHIVE_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
SIDECAR = ".sha256"
SHA256 = re.compile(r"[0-9a-f]{64}")
RECORD_FILES = "vulns/*/*.yaml"
UNPACKED_BYTES = 4 * 1024 * 1024 * 1024
"""The most that an archive may unpack to."""
UPDATE = "get one with `failhard advisories update`"

CommitTime = Callable[[Path], datetime]
"""Returns when the commit of a checkout was made."""


class AdvisoryFileError(GateError):
    """The file cannot be used; the message names the remedy."""


def load(path: Path, today: date, commit_time: CommitTime, sha256: str = "") -> Database:
    """Return the advisories of a file, an archive or a checkout.

    `sha256` is the digest it must have; without one the sidecar `<path>.sha256` holds it. Raises
    AdvisoryFileError where it has another one or none is given, where nothing is in it, where none of
    the canaries is known to it, and where it claims to come from the future.
    """
    database = read(path, commit_time)
    expected = sha256.lower() or _sidecar(path)
    if database.sha256 != expected:
        raise _refused(path, f"its SHA-256 is {database.sha256}, not {expected}", UPDATE)
    if not database.records or not database.packages:
        raise _refused(path, "it holds no record", UPDATE)
    if not canaries.known(database):
        raise _refused(path, "it knows none of the canaries, so it is no whole database", UPDATE)
    if database.as_of.date() > today:
        raise _refused(path, f"it is as of {database.as_of:%Y-%m-%d}, after today {today}", "mend the clock")
    return database


def read(path: Path, commit_time: CommitTime) -> Database:
    """Return what a place holds, whoever vouches for it; raises AdvisoryFileError."""
    try:
        if path.is_dir():
            return _checkout(path, commit_time)
        return parse(path.read_bytes(), path.name)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refused(path, f"cannot be read: {reason}", UPDATE) from None
    except ValueError as error:
        raise _refused(path, str(error), UPDATE) from None


def parse(data: bytes, name: str) -> Database:
    """Return the advisories in the bytes of a compact file or an archive; raises ValueError."""
    if compact.recognises(data):
        return compact.read(data)
    if data.startswith(ARCHIVE_MAGIC):
        return _archive(data, name)
    raise ValueError(f"neither an archive of OSV records nor the compact form: it begins with {data[:8]!r}")


def _refused(path: Path, why: str, remedy: str) -> AdvisoryFileError:
    return AdvisoryFileError(f"advisory file {path.name}: {why}; {remedy}")


def _sidecar(path: Path) -> str:
    sidecar = path.with_name(path.name + SIDECAR)
    try:
        words = sidecar.read_text("utf-8", "replace").split()
    except OSError:
        raise _refused(
            path,
            "nothing says which SHA-256 it must have",
            f"name it under `sha256`, or write {sidecar.name}",
        ) from None
    if not words or not SHA256.fullmatch(words[0].lower()):
        raise _refused(path, f"{sidecar.name} holds no SHA-256", UPDATE)
    return words[0].lower()


def _archive(data: bytes, name: str) -> Database:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [each for each in archive.infolist() if each.filename.endswith(".json")]
            if sum(each.file_size for each in entries) > UNPACKED_BYTES:
                raise ValueError(f"it unpacks to more than {UNPACKED_BYTES} bytes")
            documents = [json.loads(archive.read(entry)) for entry in entries]
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"damaged archive: {error}") from error
    moments = [when for each in documents if (when := osv.modified(each)) is not None]
    if not moments:
        raise ValueError("it holds no record that says when it was changed")
    return Database(
        packages=_grouped(each for document in documents for each in osv.read(document)),
        as_of=max(moments),
        sha256=hashlib.sha256(data).hexdigest(),
        source=name,
        licence="as stated by each source",
        records=len(documents),
    )


def _checkout(folder: Path, commit_time: CommitTime) -> Database:
    paths = sorted(folder.glob(RECORD_FILES))
    if not paths:
        raise ValueError(f"no checkout of an advisory database: there is no {RECORD_FILES}")
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    listed = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    return Database(
        packages=_grouped(each for name, data in contents.items() for each in _yaml(name, data)),
        as_of=commit_time(folder),
        sha256=hashlib.sha256(listed.encode()).hexdigest(),
        source=folder.name,
        licence="CC-BY-4.0",
        records=len(contents),
    )


def _yaml(name: str, data: bytes) -> Iterator[tuple[str, Advisory]]:
    # YAML takes a tenth of a second to import, and only a checkout needs it.
    from pytest_failhard.distributions.advisories.plain_yaml import plain

    try:
        yield from osv.read(plain(data))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _grouped(found: Iterable[tuple[str, Advisory]]) -> dict[str, tuple[Advisory, ...]]:
    packages: dict[str, list[Advisory]] = {}
    for name, advisory in found:
        packages.setdefault(name, []).append(advisory)
    return {name: tuple(sorted(each, key=lambda one: one.id)) for name, each in sorted(packages.items())}


def named(database: Database, source: str) -> Database:
    """Return a database that says where it came from."""
    return replace(database, source=source)
