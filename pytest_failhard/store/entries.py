"""Keeps what gates observed between runs: one self-proving file an entry, within a byte limit."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pytest_failhard.store import StoreError
from pytest_failhard.store.folder import Folder

SCHEMA = "failhard-entry/1"
SUFFIX = ".entry"
TEMPORARY = ".tmp"
LIMIT_BYTES = 256 * 1024 * 1024
NEVER = sys.maxsize
PRIVATE = 0o700
OTHERS = 0o077
NAMED_DIGITS = 32
ABANDONED_SECONDS = 3600.0
"""A temporary file of that age is no longer being written."""
REMEDY = "the gates run all the same; mend the folder, or run with --no-cache"


class EntryError(ValueError):
    """Bytes that are no entry, or another one than was asked for: why."""


@dataclass(frozen=True, kw_only=True)
class KeptFile:
    """A file of evidence as it was stored, redacted, and how it was to be kept."""

    name: str
    data: bytes
    media_type: str = "text/plain"
    volatile: bool = False
    has_contacts: bool = False


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One gate's successful observation, under the SHA-256 of all that it depends on.

    `observation` are the bytes of the codec, redacted; `made` is in seconds since 1970, `seconds` what
    the gate took.
    """

    gate: str
    key: str
    observation: bytes
    evidence: tuple[KeptFile, ...] = ()
    made: float = 0.0
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.gate}-{self.key[:NAMED_DIGITS]}{SUFFIX}"


@dataclass(frozen=True, kw_only=True)
class Stats:
    """What a cache holds: entries by gate, bytes of all files, and when the oldest one was used last."""

    gates: Mapping[str, int]
    size: int
    oldest: float | None


@dataclass(frozen=True, kw_only=True)
class _Held:
    name: str
    size: int
    used: float


class _Known(NamedTuple):
    identity: tuple[int, int]
    digest: str


@dataclass
class Entries:
    """The entries in one private folder. `notes` say what was wrong with those that were thrown away.

    What was written at or after `since` (nanoseconds since 1970), and not by us, is not read.
    """

    folder: Folder
    limit: int = LIMIT_BYTES
    since: int = NEVER
    notes: list[str] = field(default_factory=list)
    purged: int = 0
    _own: dict[str, _Known] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, start: Path, parts: Sequence[str], limit: int = LIMIT_BYTES) -> Entries:
        """Open the folder `parts` below `start`, and make what is not there, for its owner alone.

        Raises StoreError where a part is a symlink, or the folder is somebody else's or open to others.
        """
        place = start.joinpath(*parts)
        try:
            start.mkdir(parents=True, exist_ok=True)
            folder = Folder.open(start.resolve())
            for part in parts:
                with contextlib.closing(folder):
                    folder = folder.child(part, PRIVATE)
        except OSError as error:
            raise StoreError(f"cache-refused: {place}: {_reason(place, error)}; {REMEDY}") from None
        problem = _foreign(folder)
        if problem:
            folder.close()
            raise StoreError(f"cache-refused: {place}: {problem}; {REMEDY}")
        return cls(folder, limit)

    def read(self, gate: str, key: str, max_age: float, now: float | None = None) -> Entry | None:
        """Return the entry, None where there is none that is at most `max_age` seconds old.

        One that is damaged, or another's, is thrown away and noted.
        """
        name = Entry(gate=gate, key=key, observation=b"").name
        try:
            data = self._read(name)
            if data is None:
                return None
            entry = parse(data, gate, key)
        except (EntryError, OSError) as error:
            self._purge(name, str(error))
            return None
        age = (time.time() if now is None else now) - entry.made
        if not 0 <= age <= max_age:
            with contextlib.suppress(OSError):
                self.folder.remove(name)
            return None
        # When it was used last; a folder that cannot be written to is read all the same.
        with contextlib.suppress(OSError):
            self.folder.touch(name)
            self._mark(name, data)
        return entry

    def write(self, entry: Entry) -> None:
        """Store an entry whole or not at all, and remove the least recently used beyond the limit.

        Raises StoreError where it cannot be written.
        """
        data = dump(entry)
        if len(data) <= self.limit:
            self._replace(entry.name, data)
            self.trim(max_size=self.limit)

    def recall(self, name: str) -> bytes | None:
        """Return the bytes of a file that stands beside the entries, None where there is none to be read."""
        data: bytes | None = None
        with contextlib.suppress(OSError):
            data = self._read(name)
        return data

    def remember(self, name: str, data: bytes) -> None:
        """Store a file beside the entries; raises StoreError."""
        self._replace(name, data)

    def purge_foreign(self) -> None:
        """Remove what others wrote into the folder at or after `since`, and note it. Raises StoreError."""
        with self._told():
            for name in sorted(self.folder.names()):
                state = self.folder.status(name)
                if state is not None and (self._is_foreign(name, state) or self._is_other(name)):
                    self._purge(name, "it was written during this run by something else than its gates")
            if not self.folder.in_place():
                raise OSError("another folder stands in its place since this run began; remove it")

    def purge(self) -> int:
        """Remove everything; return the number of entries. Raises StoreError."""
        removed = 0
        with self._told():
            for name in sorted(self.folder.names()):
                self.folder.remove(name)
                removed += name.endswith(SUFFIX)
        return removed

    def trim(self, *, older_than: float | None = None, max_size: int | None = None) -> tuple[int, int]:
        """Remove what was not used for `older_than` seconds, then the least recently used above `max_size`.

        Returns the numbers of files and of bytes that were removed. Raises StoreError.
        """
        now = time.time()
        gone: list[_Held] = []
        with self._told():
            held = self._held()
            left = sum(each.size for each in held)
            for each in held:
                is_old = older_than is not None and now - each.used > older_than
                if is_old or (max_size is not None and left > max_size) or _is_abandoned(each, now):
                    self.folder.remove(each.name)
                    left -= each.size
                    gone.append(each)
        return len(gone), sum(each.size for each in gone)

    def validate(self) -> tuple[int, tuple[str, ...]]:
        """Read every entry; return how many are sound, and a line for each that was not and is gone."""
        before = len(self.notes)
        sound = 0
        with self._told():
            names = sorted(name for name in self.folder.names() if name.endswith(SUFFIX))
        for name in names:
            try:
                found = parse(self.folder.read(name) or b"")
                if found.name != name:
                    raise EntryError(f"it is the entry {found.name}")
                sound += 1
            except (EntryError, OSError) as error:
                self._purge(name, str(error))
        return sound, tuple(self.notes[before:])

    def stats(self) -> Stats:
        """Return what is there; raises StoreError."""
        with self._told():
            held = self._held()
        entries = [each for each in held if each.name.endswith(SUFFIX)]
        gates = [each.name.rpartition("-")[0] for each in entries]
        return Stats(
            gates={gate: gates.count(gate) for gate in sorted(set(gates))},
            size=sum(each.size for each in held),
            oldest=min((each.used for each in entries), default=None),
        )

    def close(self) -> None:
        """Give the folder back."""
        self.folder.close()

    def _read(self, name: str) -> bytes | None:
        """Return a file's bytes, None where it is not there, not ours, or was written while it was read."""
        before = self.folder.status(name)
        if before is None or self._is_foreign(name, before):
            return None
        data = self.folder.read(name)
        after = self.folder.status(name)
        return data if after is not None and _identity(after) == _identity(before) else None

    def _is_foreign(self, name: str, state: os.stat_result) -> bool:
        known = self._own.get(name)
        return state.st_ctime_ns >= self.since and (known is None or known.identity != _identity(state))

    def _is_other(self, name: str) -> bool:
        """Tell whether a file of ours holds other bytes: somebody wrote into it before we could know it."""
        known = self._own.get(name)
        return known is not None and known.digest != _digest(self.folder.read(name) or b"")

    def _mark(self, name: str, data: bytes) -> None:
        """Know a file for ours that is to hold these bytes; one that is gone already is nobody's."""
        state = self.folder.status(name)
        if state is not None:
            self._own[name] = _Known(_identity(state), _digest(data))

    def _replace(self, name: str, data: bytes) -> None:
        # A name of its own: another run may be writing the same entry.
        temporary = f".{name}.{secrets.token_hex(8)}{TEMPORARY}"
        with self._told():
            self.folder.write(temporary, data, 0o600, durable=False)
            try:
                self.folder.rename(temporary, name)
            except OSError:
                self.folder.remove(temporary)
                raise
            self._mark(name, data)

    def _held(self) -> list[_Held]:
        """Return the files, the least recently used first; one that another run removes is not there."""
        states = ((name, self.folder.status(name)) for name in self.folder.names())
        held = [_Held(name=name, size=at.st_size, used=at.st_mtime) for name, at in states if at is not None]
        return sorted(held, key=lambda each: (each.used, each.name))

    def _purge(self, name: str, why: str) -> None:
        self.purged += 1
        try:
            self.folder.remove(name)
            self.notes.append(
                f"cache-entry-damaged: {name}: {why}; it was removed, and nothing of it is used"
            )
        except OSError as error:
            self.notes.append(
                f"cache-entry-damaged: {name}: {why}; nothing of it is used, but it cannot be removed "
                f"({error.strerror}): remove it by hand"
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cache-not-written: {self.folder.path}: {error.strerror or error}; {REMEDY}"
            ) from error


def dump(entry: Entry) -> bytes:
    """Return the bytes of an entry: a line with the digest of all that follows, what it is, the evidence."""
    about = {
        "gate": entry.gate,
        "key": entry.key,
        "made": entry.made,
        "seconds": entry.seconds,
        "observation": entry.observation.decode(),
        "evidence": [
            {
                "name": each.name,
                "size": len(each.data),
                "media_type": each.media_type,
                "volatile": each.volatile,
                "has_contacts": each.has_contacts,
            }
            for each in entry.evidence
        ],
    }
    rest = b"".join(
        (json.dumps(about, sort_keys=True).encode(), b"\n", *(each.data for each in entry.evidence))
    )
    return _head(rest) + rest


def parse(data: bytes, gate: str | None = None, key: str | None = None) -> Entry:
    """Read what `dump` gave; raises EntryError where a byte is not as it was, or it is another entry."""
    head, end, rest = data.partition(b"\n")
    if head + end != _head(rest):
        raise EntryError("its bytes are not those that were written")
    # Our own digest holds: what follows is as `dump` made it.
    line, _, blobs = rest.partition(b"\n")
    about = json.loads(line)
    if (gate is not None and about["gate"] != gate) or (key is not None and about["key"] != key):
        raise EntryError(f"it is an entry of the gate {about['gate']} for other inputs")
    evidence: list[KeptFile] = []
    for each in about["evidence"]:
        content, blobs = blobs[: each["size"]], blobs[each["size"] :]
        evidence.append(
            KeptFile(
                name=each["name"],
                data=content,
                media_type=each["media_type"],
                volatile=each["volatile"],
                has_contacts=each["has_contacts"],
            )
        )
    return Entry(
        gate=about["gate"],
        key=about["key"],
        observation=about["observation"].encode(),
        evidence=tuple(evidence),
        made=about["made"],
        seconds=about["seconds"],
    )


def _head(rest: bytes) -> bytes:
    return f"{SCHEMA} {_digest(rest)}\n".encode()


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_ino, state.st_ctime_ns


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_abandoned(held: _Held, now: float) -> bool:
    return held.name.endswith(TEMPORARY) and now - held.used > ABANDONED_SECONDS


def _reason(place: Path, error: OSError) -> str:
    link = next((each for each in (place, *place.parents) if each.is_symlink()), None)
    return error.strerror or str(error) if link is None else f"{link} is a symlink"


def _foreign(folder: Folder) -> str:
    """Say whose a folder is where it is not ours alone, else nothing."""
    if folder.descriptor is None:
        return ""
    state = os.fstat(folder.descriptor)
    if state.st_uid != os.geteuid():
        return f"it belongs to another user (id {state.st_uid})"
    if stat.S_IMODE(state.st_mode) & OTHERS:
        return f"others may enter it (mode {stat.S_IMODE(state.st_mode):o}, 700 is needed)"
    return ""
