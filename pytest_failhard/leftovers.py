"""Writes down which systems run, so that the next start ends those that outlived us and their keepers."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from pytest_failhard import sweep
from pytest_failhard.keeper import look
from pytest_failhard.model import GateError

FOLDER = "FAILHARD_RUNNING"
"""The variable by which a process of ours whose places are fresh ones is told of the folder."""
USUAL = "failhard-running-"
"""So begins the name of a folder that nobody chose: it goes with the last record."""
UNREADY = "."
"""So begins the name of a record that is not locked yet."""
HAS_SYSTEMS = os.name == "posix"
"""Elsewhere nothing is started that could be left."""
_MARK = re.compile("[0-9a-f]{16}")


def place(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where records are: of this machine and user, and gone with the processes at its next start."""
    named = environ.get(FOLDER)
    return Path(named) if named else Path(tempfile.gettempdir(), f"{USUAL}{os.getuid()}")


def folder() -> Path:
    """Return the place as a folder, made where it is not there: a run without systems needs none.

    Raises GateError where that is no folder of ours alone, FileNotFoundError where the last system that had
    a record took the folder with it just now.
    """
    made = place()
    made.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        made.mkdir(mode=0o700)
    _require_ours(made)
    return made


def _require_ours(place: Path) -> None:
    status = place.lstat()
    # What stands there names processes that are killed: nobody else may write it.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise GateError(f"{place} is not a folder of ours alone; remove it, or set {FOLDER} to another")


def handed_on() -> dict[str, str]:
    """Return what a process of ours with a fresh environment must be told."""
    return {FOLDER: str(place())} if HAS_SYSTEMS else {}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One system's record, locked as long as we or its keeper live: both hold the same open file."""

    path: Path
    descriptor: int

    @classmethod
    def open(cls, mark: str) -> Record:
        """Make the record of a system whose processes carry the mark in their environment."""
        import fcntl  # not on Windows, where no system is started

        unready, descriptor = _created(f"{UNREADY}{mark}")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Seen by others only now: a record without a lock is one that was left behind.
        return cls(path=unready.rename(unready.with_name(mark)), descriptor=descriptor)

    def remove(self) -> None:
        """Forget the system, after it has ended."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
            os.close(self.descriptor)
        if self.path.parent.name.startswith(USUAL):
            with contextlib.suppress(OSError):  # others have theirs there, or were faster
                self.path.parent.rmdir()


def _created(name: str) -> tuple[Path, int]:
    """Return a new file among the records, open; the folder may be taken away while we look."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            path = folder() / name
            return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


def clean() -> int:
    """End what runs of systems whose starter and keeper were killed; return how many processes that were.

    Raises GateError where one of them cannot be ended.
    """
    if not HAS_SYSTEMS:
        return 0
    among = place()
    try:
        _require_ours(among)
        records = sorted(among.iterdir())
    except FileNotFoundError:  # no system runs, or the last one has just ended
        return 0
    return sum(_clean(path) for path in records if _MARK.fullmatch(path.name))


def notes() -> list[str]:
    """End what an earlier run has left, and say so."""
    count = clean()
    return [f"processes-left: {count} of a run that was killed, ended before this one began"] if count else []


def _clean(path: Path) -> int:
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:  # its owner has just ended
        return 0
    with os.fdopen(descriptor, "rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # its owner lives
            return 0
        text = stream.read().decode()
        # The numbers of an earlier start of the machine name others today.
        known = _pairs(text) if os.fstat(descriptor).st_mtime > psutil.boot_time() else {}
        count = _end(path.name, known)
        path.unlink(missing_ok=True)
    return count


def _pairs(text: str) -> dict[int, int]:
    rows = (line.split() for line in text.splitlines())
    return {int(row[0]): int(row[1]) for row in rows if len(row) == 2}


def _end(mark: str, known: Mapping[int, int]) -> int:
    seen: set[int] = set()

    def family() -> Iterator[psutil.Process]:
        listed = (sweep.find(pid) for pid, start in known.items() if _is(pid, start))
        for process in (*filter(None, listed), *sweep.members(mark)):
            seen.add(process.pid)
            yield process

    survivors = sweep.kill(family, polite=False)
    if survivors:
        raise GateError(f"processes {survivors} of a killed run could not be ended; end them by hand")
    return len(seen)


def _is(pid: int, start: int) -> bool:
    found = look(pid)
    return found is not None and found[1] == start
