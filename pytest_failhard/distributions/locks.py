"""What the lock files of a project pin: versions, hashes, upload times; which file was installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from pytest_failhard.distributions import direct, lock_tables, pinned, requirements
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.locked import (
    Artefact,
    Lock,
    LockedFile,
    LockedPackage,
    lock,
    moment,
)
from pytest_failhard.distributions.settings import TABLE
from pytest_failhard.model import GateError

__all__ = ["Artefact", "Lock", "LockedFile", "LockedPackage", "artefact", "read", "usual"]

PATTERNS = (lock_tables.UV, "pylock.toml", "pylock.*.toml", lock_tables.POETRY, lock_tables.PDM)
WHEEL = ".whl"
_BOUND = re.compile(
    r"\buv pip compile\b.*\s--exclude-newer[= ](?P<quote>['\"]?)(?P<moment>[^\s'\"]+)(?P=quote)"
)
_LOOSENED = "--exclude-newer-package"
A_DAY_ANYWHERE = timedelta(days=1, hours=12)
"""How long after its beginning in UTC a day has ended everywhere on Earth."""


def read(root: Path, names: tuple[str, ...]) -> tuple[Lock, ...]:
    """Return the locks that are named, relative to the root; without names those with a usual one.

    A requirements file counts if it pins and hashes all that it requires. Raises GateError that lists
    what is named and no lock, and locks that cannot be read.
    """
    mistakes: list[str] = []
    found = [_lock(root, path, mistakes, is_named=bool(names)) for path in names or usual(root)]
    if mistakes:
        raise GateError(f"locks: {'; '.join(mistakes)}")
    return tuple(each for each in found if each is not None)


def usual(root: Path) -> tuple[str, ...]:
    """Return the files that have the name of a lock, and the requirements files, which can be one."""
    tables = {path.name for pattern in PATTERNS for path in root.glob(pattern) if path.is_file()}
    return (*sorted(tables), *requirements.usual(root))


def _lock(root: Path, path: str, mistakes: list[str], *, is_named: bool) -> Lock | None:
    try:
        text = (root / path).read_text("utf-8-sig")
        if not path.endswith(".txt"):
            return lock_tables.read(path, text)
    except (OSError, ValueError, RecursionError) as error:
        mistakes.append(f"{path}: {getattr(error, 'strerror', None) or error}")
        return None
    found = _pinned(path, text)
    if found is None and is_named:
        mistakes.append(
            f"{path}: no lock: each line must be `name==version` with `--hash=sha256:...`; "
            f"compile it with hashes or correct `locks` in {TABLE}"
        )
    return found


def _pinned(path: str, text: str) -> Lock | None:
    pins = pinned.pins(text)
    if pins is None:
        return None
    packages = (
        LockedPackage(
            name=pin.name,
            version=pin.version,
            files=tuple(LockedFile(name="", sha256=_sha256(each)) for each in pin.hashes),
            line=pin.line,
        )
        for pin in pins
    )
    return lock(path, packages, _header_bound(text))


def _sha256(text: str) -> str:
    algorithm, _, digest = text.partition(":")
    return digest.lower() if algorithm == "sha256" else ""


def _header_bound(text: str) -> datetime | None:
    """Return the time that the command in a file's first comment names as the bound of its uploads."""
    header = " ".join(_header(text))
    match = _BOUND.search(header)
    if match is None or _LOOSENED in header:
        return None
    bound = moment(match["moment"])
    if bound is None:  # "7 days": before the file was written, and nobody knows when that was
        return None
    return bound if "T" in match["moment"] else bound + A_DAY_ANYWHERE


def _header(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.startswith("#"):
            return
        yield line.lstrip("# ").rstrip()


def artefact(distribution: Distribution, locks: Iterable[Lock]) -> Artefact:
    """Return which locked file was installed as a distribution, by its version and the tags of its wheel.

    Of several locks the one counts that knows most: file and hash, then a hash, then the version.
    """
    found = [_artefact(distribution, each) for each in locks]
    return max(found, key=_known, default=Artefact())


def _known(candidate: Artefact) -> tuple[bool, bool, bool]:
    return (bool(candidate.sha256), bool(candidate.filename), bool(candidate.lock))


def _artefact(distribution: Distribution, lock: Lock) -> Artefact:
    entries = lock.packages.get(distribution.name, ())
    package = next((each for each in entries if each.is_version(distribution.version)), None)
    if package is None:
        return Artefact()
    if distribution.direct_url:
        return _direct(distribution, package, lock)
    if not any(file.name for file in package.files):
        return _unnamed(package, lock)
    wheel = next((file for file in package.files if _is_wheel_of(file, distribution)), None)
    if wheel is not None:
        return Artefact(filename=wheel.name, sha256=wheel.sha256, lock=lock.path)
    sdist = next((file for file in package.files if file.name and not file.name.endswith(WHEEL)), None)
    if sdist is not None:
        return Artefact(filename=sdist.name, sha256=sdist.sha256, is_built=True, lock=lock.path)
    return Artefact(lock=lock.path)


def _direct(distribution: Distribution, package: LockedPackage, lock: Lock) -> Artefact:
    """Return the locked file that was fetched by its address; a folder or repository is no file."""
    hashes = direct.archive_hashes(distribution.direct_url)
    file = next((each for each in package.files if each.sha256 and each.sha256 == hashes.get("sha256")), None)
    if file is None:
        return Artefact(lock=lock.path)
    is_built = bool(file.name) and not file.name.endswith(WHEEL)
    return Artefact(filename=file.name, sha256=file.sha256, is_built=is_built, lock=lock.path)


def _unnamed(package: LockedPackage, lock: Lock) -> Artefact:
    hashes = tuple(sorted(file.sha256 for file in package.files if file.sha256))
    if len(hashes) == 1:
        return Artefact(sha256=hashes[0], lock=lock.path)
    return Artefact(lock=lock.path, candidates=hashes)


def _is_wheel_of(file: LockedFile, distribution: Distribution) -> bool:
    if not file.name.endswith(WHEEL) or not distribution.tags:
        return False
    try:
        tags = parse_wheel_filename(file.name)[3]
    except InvalidWheelFilename:
        # A name that no installer takes is not what was installed.
        return False
    return distribution.tags <= {str(tag) for tag in tags}
