"""The only module that writes: evidence and reports, redacted, hashed, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import html
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import psutil

from pytest_failhard.model import Evidence, GateError
from pytest_failhard.store.folder import Folder, temporary

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_failhard.redact import Redactor

DEFAULT_FOLDER = ".failhard"
EVIDENCE = "evidence"
IGNORE_FILE = ".gitignore"
IGNORE_TEXT = b"# Written by pytest-failhard: its reports are not committed.\n*\n"
LOCK = "lock"
REPORT = "report.json"
REPORT_FILES = frozenset(
    {REPORT, "report.sarif", "report.xml", "report.md", "report.html"}
    | {"sbom.cdx.json", "provenance.intoto.jsonl", "verdict.json"}
)
MEDIA_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
}
TEXT = "text/plain"
CONTACT = "email-address"
"""What stays in a file whose purpose is to say whom to write to."""
# A clock that is set right moves the start that the kernel tells.
START_TOLERANCE_SECONDS = 5.0
MAX_NAME_CHARACTERS = 120
COPIES_AT_ONCE = 4
MARKUP = (".html", ".xml", ".md")
NO_COPIES: Mapping[str, bytes] = MappingProxyType({})
TEMPORARY_REMEDY = "free space in the temporary folder, or set TMPDIR to another"


class StoreError(GateError):
    """Something could not be written: where, why, and what to do. Nothing half-written stays."""


@dataclass
class Staging:
    """Where evidence lies until the report is published: a private folder outside the tree."""

    folder: Path
    redactor: Redactor

    def keep(
        self,
        gate: str,
        name: str,
        data: bytes,
        media_type: str | None = None,
        *,
        has_contacts: bool = False,
    ) -> Evidence:
        """Store bytes, redacted, and return their name and digest; with `has_contacts` addresses stay.

        A name is made safe; where it is taken by other bytes, a number is added. Raises StoreError.
        """
        redactor = self.redactor.without(CONTACT) if has_contacts else self.redactor
        stored = redactor.data(data)
        kept = self._write(gate, _safe(self.redactor.text(name)), stored)
        guessed = media_type or MEDIA_TYPES.get(PurePosixPath(kept).suffix, TEXT)
        return Evidence(name=kept, sha256=hashlib.sha256(stored).hexdigest(), media_type=guessed)

    def restore(self, gate: str, name: str, data: bytes, *, has_contacts: bool = False) -> bool:
        """Store bytes that an earlier run kept, as they are; False where something in them is now secret.

        Raises StoreError.
        """
        redactor = self.redactor.without(CONTACT) if has_contacts else self.redactor
        if redactor.data(data) != data:
            return False
        self._write(gate, name, data)
        return True

    def forget(self, gate: str) -> None:
        """Remove what is kept of a gate; raises StoreError."""
        with _told(self.folder / gate, TEMPORARY_REMEDY), contextlib.closing(Folder.open(self.folder)) as top:
            top.remove(_safe(gate))

    def take(self, gate: str, name: str, data: bytes) -> None:
        """Store bytes that another run kept, as they are: they were redacted there.

        Raises StoreError where a secret is in them that this run knows, and that one did not.
        """
        if kinds := self.redactor.without(CONTACT).scan(data):
            raise StoreError(
                f"redaction-failed: {EVIDENCE}/{gate}/{name}: {', '.join(kinds)} in it; nothing was written. "
                "Give both runs the same FAILHARD_REDACTION_PATTERNS and secret variables, and run again"
            )
        self._write(gate, name, data)

    def _write(self, gate: str, name: str, data: bytes) -> str:
        with (
            _told(self.folder / gate, TEMPORARY_REMEDY),
            contextlib.closing(Folder.open(self.folder)) as top,
            contextlib.closing(top.child(_safe(gate))) as inner,
        ):
            return _write_new(inner, name, data)

    def kept(self, gate: str, evidence: Evidence) -> bytes:
        """Return the bytes of kept evidence; raises StoreError where they are not those that were kept."""
        place = self.folder / gate / evidence.name
        with _told(place, TEMPORARY_REMEDY):
            data = place.read_bytes()
        if hashlib.sha256(data).hexdigest() != evidence.sha256:
            raise StoreError(f"evidence-changed: {place}: changed since it was kept; run again")
        return data


@dataclass
class Store:
    """The report folder of one run: locked, emptied of the old report, filled at the end at once."""

    folder: Folder
    staging: Staging
    redactor: Redactor
    notes: tuple[str, ...] = ()
    _lock: bytes = field(default=b"", repr=False)

    @classmethod
    def open(cls, report_dir: Path, root: Path, redactor: Redactor) -> Store:
        """Take the report folder; raises StoreError where it must not or cannot be used.

        A relative folder is meant from the root. One outside the root is allowed, a symlink is not,
        nor one that a symlink in the project leads to.
        """
        path = _checked_path(report_dir, root)
        with _told(path, "make it writable, or name another folder with --report-dir"):
            folder = _opened(path, root)
        try:
            return cls._taken(folder, redactor)
        except BaseException:
            folder.close()
            raise

    @classmethod
    def _taken(cls, folder: Folder, redactor: Redactor) -> Store:
        with _told(folder.path, "make it writable, or name another folder with --report-dir"):
            _refuse_foreign(folder)
            lock, notes = _locked(folder)
            try:
                for name in sorted(folder.names() & (REPORT_FILES | {EVIDENCE, temporary(EVIDENCE)})):
                    folder.remove(name)
                # Each run writes it anew, so no power failure matters to it: that wait comes before all work.
                folder.replace(IGNORE_FILE, IGNORE_TEXT, durable=False)
                staging = _staging()
            except BaseException:
                folder.remove(LOCK)
                raise
        return cls(folder, Staging(staging, redactor), redactor, notes, lock)

    def keep(self, gate: str, name: str, data: bytes, media_type: str | None = None) -> Evidence:
        """Store evidence, redacted, until the report is published."""
        return self.staging.keep(gate, name, data, media_type)

    def publish(self, files: Mapping[str, bytes], copies: Mapping[str, bytes] = NO_COPIES) -> None:
        """Put the evidence, the rendered files and copies of evidence in place, `report.json` last.

        Raises StoreError where a secret is left in a file, or where something cannot be written; then
        no report file is there.
        """
        for name, data in sorted(files.items()):
            if kinds := self.redactor.scan(_as_read(name, data)):
                raise StoreError(
                    f"redaction-failed: {self.folder.path / name}: {', '.join(kinds)} left after rendering; "
                    "nothing was written. Remove the secret from what the gates print, or unset the variable"
                )
        if not self.folder.in_place():
            raise StoreError(
                f"report-folder-replaced: {self.folder.path}: moved or replaced during the run; "
                "find what the tests do to it, then run again"
            )
        with _told(self.folder.path, "free space on the disk, then run again"):
            self._publish({**copies, **files})

    def close(self) -> None:
        """Release the lock and remove the staging folder."""
        if not self._lock:
            return
        with _told(self.folder.path, "remove the file lock in it"):
            try:
                if self.folder.read(LOCK) == self._lock:
                    self.folder.remove(LOCK)
            finally:
                self.folder.close()
                self._lock = b""
                if self.staging.folder.exists():
                    shutil.rmtree(self.staging.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _publish(self, files: Mapping[str, bytes]) -> None:
        last = sorted(files, key=lambda name: (name == REPORT, name))
        try:
            self._copy_evidence()
            for name in last:
                self.folder.remove(temporary(name))
                self.folder.write(temporary(name), files[name])
            self.folder.remove(EVIDENCE)
            self.folder.rename(temporary(EVIDENCE), EVIDENCE)
            for name in last:
                self.folder.rename(temporary(name), name)
            self.folder.sync()
        except BaseException:
            for name in (*last, *map(temporary, last), EVIDENCE, temporary(EVIDENCE)):
                self.folder.remove(name)
            raise

    def _copy_evidence(self) -> None:
        self.folder.remove(temporary(EVIDENCE))
        # Each file goes down to the disk, which is what takes the time: several wait for it at once.
        with (
            contextlib.closing(self.folder.child(temporary(EVIDENCE))) as target,
            ThreadPoolExecutor(COPIES_AT_ONCE) as pool,
        ):
            for _ in pool.map(partial(_copy, target), sorted(self.staging.folder.iterdir())):
                continue


def _copy(target: Folder, source: Path) -> None:
    with (
        contextlib.closing(target.child(source.name)) as inner,
        contextlib.closing(Folder.open(source)) as kept,
    ):
        for name in sorted(kept.names()):
            inner.write(name, kept.read(name) or b"")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; a symlink in its place raises StoreError."""
    with _told(path, "make its folder writable, or free space, then run again"):
        if path.is_symlink():
            raise OSError("it is a symlink")
        with contextlib.closing(Folder.open(path.parent.resolve())) as folder:
            mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
            folder.replace(path.name, data, mode)


@contextlib.contextmanager
def _told(place: Path, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot-write: {place}: {error.strerror or error}; {remedy}") from error


def _as_read(name: str, data: bytes) -> bytes:
    """Return a file as its reader sees it: in markup, a secret with `&` or quotes stands in another form."""
    if not name.endswith(MARKUP):
        return data
    return html.unescape(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _safe(name: str) -> str:
    """Return a plain file name; what could lead elsewhere or upset a file system becomes `_`."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".-")[-MAX_NAME_CHARACTERS:]
    return plain.lstrip(".-") or "_"


def _write_new(folder: Folder, name: str, data: bytes) -> str:
    taken = folder.names()
    path = PurePosixPath(name)
    candidate, number = name, 1
    while candidate in taken:
        if folder.read(candidate) == data:
            return candidate
        number += 1
        candidate = f"{path.stem}-{number}{path.suffix}"
    # It goes with the run, and a copy of it goes into the report folder, down to the disk.
    folder.write(candidate, data, 0o600, durable=False)
    return candidate


def _checked_path(report_dir: Path, root: Path) -> Path:
    path = _absolute(root / report_dir)
    above = {root.resolve(), *root.resolve().parents}
    if path.resolve() in above:
        raise StoreError(
            f"report-folder-refused: {path}: holds the project itself; "
            "name a folder of its own with --report-dir"
        )
    return path


def _absolute(path: Path) -> Path:
    """Return the path from the top, without `..`; resolve() would follow the links that we refuse."""
    return Path(os.path.normpath(path.absolute()))


def _opened(path: Path, root: Path) -> Folder:
    """Make and open the folder; inside the project no part of the way may be a symlink."""
    start, parts = _way(path, root)
    start.mkdir(parents=True, exist_ok=True)
    folder = Folder.open(start)
    for part in parts:
        try:
            inner = folder.child(part)
        except OSError as error:
            link = (folder.path / part).is_symlink()
            reason = "is a symlink" if link else error.strerror or str(error)
            raise StoreError(
                f"report-folder-refused: {folder.path / part}: {reason}; "
                "put a folder in its place, or name another one with --report-dir"
            ) from None
        finally:
            folder.close()
        folder = inner
    return folder


def _way(path: Path, root: Path) -> tuple[Path, tuple[str, ...]]:
    for base in (_absolute(root), root.resolve()):
        if path.is_relative_to(base):
            return base.resolve(), path.relative_to(base).parts
    return path.parent, (path.name,)


def _staging() -> Path:
    with _told(Path(tempfile.gettempdir()), TEMPORARY_REMEDY):
        return Path(tempfile.mkdtemp(prefix="failhard-"))


def _refuse_foreign(folder: Folder) -> None:
    names = folder.names()
    if folder.path.name == DEFAULT_FOLDER or not names or folder.read(IGNORE_FILE) == IGNORE_TEXT:
        return
    raise StoreError(
        f"report-folder-refused: {folder.path}: not empty and not made by failhard, "
        "which removes old reports; name an empty folder with --report-dir"
    )


def _locked(folder: Folder) -> tuple[bytes, tuple[str, ...]]:
    mine = json.dumps({"pid": os.getpid(), "started": psutil.Process().create_time()}).encode() + b"\n"
    notes: tuple[str, ...] = ()
    with folder.alone():
        found = folder.read(LOCK)
        if found is not None:
            if owner := _live_owner(found):
                raise StoreError(
                    f"report-folder-locked: {folder.path / LOCK}: process {owner} is at work on this tree; "
                    "wait until it ends, or give this run a folder of its own with --report-dir"
                )
            text = found.decode("utf-8", "replace").strip()[:MAX_NAME_CHARACTERS]
            notes = (f"took over the stale lock of an earlier run that did not end well ({text or 'empty'})",)
        # Of a process that a power failure ended no lock is to last.
        folder.replace(LOCK, mine, durable=False)
    return mine, notes


def _live_owner(lock: bytes) -> int | None:
    """Return the process that holds the lock, None where it is gone or the lock says nothing."""
    try:
        stored = json.loads(lock)
        pid, started = int(stored["pid"]), float(stored["started"])
        actual = psutil.Process(pid).create_time()
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, psutil.NoSuchProcess):
        return None
    except psutil.AccessDenied:
        return pid
    return pid if abs(actual - started) <= START_TOLERANCE_SECONDS else None
