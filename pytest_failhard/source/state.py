"""What a tree and its packages are at a moment, as digests, and who changed a file last."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from pytest_failhard import proc
from pytest_failhard.model import GateError

WHOLE_BYTES = 16 * 1024 * 1024
"""A changed file above this size is known by its size and time."""
SHA1_DIGITS = 40
METADATA = (".dist-info", ".egg-info", ".egg-link")


def tree_digest(root: Path, otherwise: Mapping[str, str]) -> str:
    """Return the SHA-256 of all files that git tracks or would add; committing them does not change it.

    Outside git, or where a file cannot be read, it is that of `otherwise`, digests by path.
    """
    try:
        tracked, changed = _listed(root)
        is_sha256 = any(len(entry) > SHA1_DIGITS for entry in tracked.values())
        now = {path: _entry(root / path, is_sha256) for path in changed}
    except (GateError, OSError):
        return _over(otherwise)
    return _over({path: entry for path, entry in {**tracked, **now}.items() if entry})


def packages_digest() -> str:
    """Return the SHA-256 over what is installed for the running interpreter, and its own version."""
    found = {name for folder in sys.path for name in _names(folder) if name.endswith(METADATA)}
    return _over(dict.fromkeys(found, platform.python_version()))


def _names(folder: str) -> list[str]:
    # An archive, or a folder that is not there: whatever is imported from it stands in no metadata.
    with contextlib.suppress(OSError):
        return [path.name for path in Path(folder).iterdir()]
    return []


def last_author(root: Path, path: str) -> str:
    """Return who last committed a file, or anything where it never was; empty where git cannot say."""
    with contextlib.suppress(GateError):
        for place in (path, "."):
            completed = proc.git(root, "log", "-1", "--format=%an", "--", place)
            if said := completed.stdout.decode("utf-8", "replace").strip():
                return said
    return ""


def _over(parts: Mapping[str, str]) -> str:
    text = "".join(f"{name}\0{value}\n" for name, value in sorted(parts.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _listed(root: Path) -> tuple[dict[str, str], list[str]]:
    """Return what git tracks, with its object ids, and the paths that are not as it has them."""
    staged = _said(root, "--stage")
    entries = [line.partition("\t") for line in staged]
    tracked = {path: about.split(" ")[1] for about, _, path in entries}
    return tracked, _said(root, "--modified", "--others", "--exclude-standard")


def _said(root: Path, *options: str) -> list[str]:
    completed = proc.git(root, "ls-files", "-z", *options)
    if completed.returncode:
        raise GateError("no git repository")
    return [os.fsdecode(name) for name in completed.stdout.split(b"\0") if name]


def _entry(path: Path, sha256: bool) -> str:
    """Return the id under which git would keep a file; empty where there is none any more."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            target = os.fsencode(path.readlink())
            return _blob(len(target), sha256, target)
        if not stat.S_ISREG(status.st_mode) or status.st_size > WHOLE_BYTES:
            return f"{status.st_size} bytes of {status.st_mtime_ns}"
        return _blob(status.st_size, sha256, path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _blob(size: int, sha256: bool, data: bytes) -> str:
    name = "sha256" if sha256 else "sha1"
    return hashlib.new(name, b"blob %d\0" % size + data, usedforsecurity=False).hexdigest()
