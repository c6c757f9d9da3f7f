"""Lists the files of a folder with what the system says of each, and remembers digests by that."""

from __future__ import annotations

import hashlib
import json
import marshal
import operator
import os
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

RACY_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again without another time stamp."""
# A pipe in place of a file must not make us wait for its writer.
READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
LARGE_BYTES = 16 * 1024 * 1024
"""A file above that is known by its stamp alone: to read gigabytes takes longer than any gate."""
ENVIRONMENT = "pyvenv.cfg"
"""What makes a folder a virtual environment."""
SCHEMA = "failhard-digests/1"
PLAIN = 2
"""The format of `marshal` in which equal values have equal bytes: later ones depend on what is one object."""


class Stamp(NamedTuple):
    """What the system says of a file. No write leaves `changed` (ctime) as it was, and nobody can set it."""

    mode: int
    size: int
    modified: int
    changed: int
    inode: int
    device: int


UNCHANGED = operator.itemgetter(*(at for at, name in enumerate(Stamp._fields) if name != "changed"))
"""Takes from a stamp all but the time of change, as a plain tuple."""


class Listed(NamedTuple):
    """A file, or a link to anything, below a folder: its path relative to it, in POSIX form."""

    path: str
    stamp: Stamp


def stamp_of(state: os.stat_result) -> Stamp:
    """Return the stamp in a status."""
    return Stamp(
        state.st_mode, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_dev
    )


def listed(folder: Path, left_out: frozenset[str], below: str = "") -> list[Listed]:
    """Return all that lies below a folder and is none, each path with `below` before it.

    Folders of the names in `left_out`, and virtual environments, are not entered; a link is listed and
    not followed. Raises OSError for a folder that cannot be read.
    """
    found: list[Listed] = []
    waiting = [(str(folder), below)]
    for place, above in waiting:
        with os.scandir(place) as entries:
            inner = list(entries)
        if above != below and any(entry.name == ENVIRONMENT for entry in inner):
            continue
        for entry in inner:
            if not entry.is_dir(follow_symlinks=False):
                state = entry.stat(follow_symlinks=False)
                found.append(Listed(above + entry.name, stamp_of(state)))
            elif entry.name not in left_out:
                waiting.append((entry.path, f"{above}{entry.name}/"))
    return found


@dataclass
class Memo:
    """Digests by path and stamp. What is not in it, or has another stamp, is read."""

    known: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    fresh: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    """What was asked for and may be remembered: nothing that changed just before it was read."""

    @classmethod
    def load(cls, data: bytes | None) -> Memo:
        """Read what `dump` gave; bytes that are no memo, or another one's, make an empty one."""
        line, _, text = (data or b"").partition(b"\n")
        if line != _head(text):
            return cls()
        entries = json.loads(text)
        return cls({path: (Stamp(*numbers), digest) for path, (*numbers, digest) in entries.items()})

    def dump(self) -> bytes | None:
        """Return the bytes to store, None where those that were loaded still hold."""
        if self.fresh == self.known:
            return None
        text = json.dumps({path: [*stamp, digest] for path, (stamp, digest) in self.fresh.items()}).encode()
        return _head(text) + b"\n" + text

    def digest(self, root: Path, file: Listed) -> str:
        """Return the SHA-256 of a file's bytes, or of its stamp where it is large.

        Raises OSError where it cannot be read, or is another one than was listed.
        """
        known = self.known.get(file.path)
        if known is not None and known[0] == file.stamp:
            self.fresh[file.path] = known
            return known[1]
        began = time.time_ns()
        digest = _read(root / file.path, file.stamp)
        if max(file.stamp.modified, file.stamp.changed) < began - RACY_NS:
            self.fresh[file.path] = (file.stamp, digest)
        return digest


def _head(text: bytes) -> bytes:
    return f"{SCHEMA} {hashlib.sha256(text).hexdigest()}".encode()


def _read(path: Path, expected: Stamp) -> str:
    if stat.S_ISLNK(expected.mode):
        return hashlib.sha256(b"link " + os.fsencode(path.readlink())).hexdigest()
    if not stat.S_ISREG(expected.mode) or expected.size > LARGE_BYTES:
        return hashlib.sha256(repr(expected).encode()).hexdigest()
    descriptor = os.open(path, READING)
    with os.fdopen(descriptor, "rb") as stream:
        data = stream.read(expected.size + 1)
        if stamp_of(os.fstat(descriptor)) != expected:
            raise OSError(f"{path} changes while it is read")
    return hashlib.sha256(data).hexdigest()


def digest(values: object) -> str:
    """Return the SHA-256 of plain values (mappings, lists, texts, numbers) in canonical form."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def folder_digest(folder: Path, left_out: frozenset[str]) -> str:
    """Return one digest of the stamps of all that lies below a folder; one that is not there has its own."""
    if not folder.is_dir():
        return digest(["absent", str(folder)])
    return files_digest(listed(folder, left_out))


def files_digest(files: Iterable[Listed]) -> str:
    """Return one digest of the stamps of files, in whatever order they come."""
    return digest(parted_digests(files))


def parted_digests(files: Iterable[Listed]) -> tuple[str, str]:
    """Return a digest of the stamps of files without their times of change, and one of these times.

    Neither depends on the order in which the files come.
    """
    ordered = sorted(files, key=operator.itemgetter(0))
    paths = "\0".join([path for path, _ in ordered])
    changes: list[int] = [at.changed for _, at in ordered]
    others: list[tuple[int, ...]] = list(map(UNCHANGED, [at for _, at in ordered]))
    return _plain_digest((paths, others)), _plain_digest(("", changes))


def _plain_digest(values: tuple[str, list[int] | list[tuple[int, ...]]]) -> str:
    # An installation has tens of thousands of files: to write a line for each takes several times as long.
    return hashlib.sha256(marshal.dumps(values, PLAIN)).hexdigest()


def joined(parts: Mapping[str, str]) -> str:
    """Return one digest of named ones."""
    return digest(dict(parts))
