"""Reads the lock files that are TOML: uv.lock, pylock.toml, poetry.lock, pdm.lock."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import unquote, urlsplit

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.utils import canonicalize_name

from pytest_failhard.distributions.locked import Lock, LockedFile, LockedPackage, lock, moment
from pytest_failhard.distributions.places import Places

UV, POETRY, PDM = "uv.lock", "poetry.lock", "pdm.lock"
KNOWN_FORMS = {UV: ("1",), POETRY: ("1.", "2."), PDM: ("4.",)}
"""How the version of a form must begin for us to know what its fields mean."""
FIRST_YEAR = 2000
"""uv writes the year 1 where a bound is relative and the date has no meaning."""


def read(path: str, text: str) -> Lock:
    """Return a lock by the name of its file; raises ValueError that says what is wrong with it."""
    document = tomllib.loads(text)
    places = Places(text)
    name = path.rpartition("/")[2]
    if name not in KNOWN_FORMS:
        return _pylock(path, document, places)
    form = _form(name, document)
    if not form.startswith(KNOWN_FORMS[name]):
        raise ValueError(f"its form has the version {form or 'none'!r}, which is not known here")
    entries = document.get("package", [])
    if not isinstance(entries, list):
        raise ValueError("`package` is no list of tables")
    lines = places.header("package")
    older = _table(_table(document, "metadata"), "files")
    packages = [_package(entry, number, older) for entry, number in _numbered(entries, lines)]
    return lock(path, packages, _bound(document) if name == UV else None)


def _form(name: str, document: Mapping[str, object]) -> str:
    if name == UV:
        return str(document.get("version", ""))
    metadata = _table(document, "metadata")
    return str(metadata.get("lock-version") or metadata.get("lock_version") or "")


def _numbered(entries: list[object], lines: list[int]) -> Iterator[tuple[Mapping[str, object], int]]:
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise ValueError("a package is no table")
        yield entry, lines[index] if len(lines) == len(entries) else 0


def _package(entry: Mapping[str, object], line: int, older: Mapping[str, object]) -> LockedPackage:
    name = entry.get("name")
    if not isinstance(name, str):
        raise ValueError(f"a package has no name (line {line})")
    rows = [*_rows(entry.get("wheels")), *_rows([entry.get("sdist")])]
    rows += [*_rows(entry.get("files")), *_rows(older.get(name))]
    return LockedPackage(
        name=canonicalize_name(name),
        version=str(entry.get("version", "")),
        files=tuple(map(_file, rows)),
        line=line,
    )


def _rows(value: object) -> Iterator[Mapping[str, object]]:
    for row in value if isinstance(value, list) else ():
        if isinstance(row, dict):
            yield row


def _file(row: Mapping[str, object]) -> LockedFile:
    place = next((str(row[key]) for key in ("filename", "file", "url", "path") if key in row), "")
    algorithm, _, digest = str(row.get("hash", "")).partition(":")
    size = row.get("size")
    return LockedFile(
        name=_last(place),
        sha256=digest.lower() if algorithm == "sha256" else "",
        uploaded=moment(row.get("upload-time")),
        size=size if isinstance(size, int) else 0,
    )


def _last(place: str) -> str:
    return unquote(urlsplit(place).path).rpartition("/")[2]


def _bound(document: Mapping[str, object]) -> datetime | None:
    """Return the time before which everything in a uv.lock was uploaded, None where some may be younger."""
    options = _table(document, "options")
    bound = moment(options.get("exclude-newer"))
    is_loosened = "exclude-newer-package" in options or "exclude-newer-span" in options
    return bound if bound is not None and bound.year >= FIRST_YEAR and not is_loosened else None


def _pylock(path: str, document: Mapping[str, object], places: Places) -> Lock:
    try:
        packages = Pylock.from_dict(document).packages
    except (PylockValidationError, PylockUnsupportedVersionError) as error:
        raise ValueError(str(error)) from None
    lines = places.header("packages")
    known = lines if len(lines) == len(packages) else [0] * len(packages)
    return lock(path, [_of_pylock(package, line) for package, line in zip(packages, known, strict=True)])


def _of_pylock(package: Package, line: int) -> LockedPackage:
    return LockedPackage(
        name=package.name,
        version="" if package.version is None else str(package.version),
        files=tuple(_files(package)),
        line=line,
    )


def _files(package: Package) -> Iterator[LockedFile]:
    wheels = package.wheels or ()
    for file in (*wheels, *(each for each in (package.sdist, package.archive) if each is not None)):
        yield LockedFile(
            name=_name(file),
            sha256=str(file.hashes.get("sha256", "")).lower(),
            uploaded=moment(file.upload_time),
            size=file.size or 0,
        )


def _name(file: PackageWheel | PackageSdist | PackageArchive) -> str:
    if isinstance(file, PackageArchive):
        return _last(file.url or file.path or "")
    return file.filename


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
