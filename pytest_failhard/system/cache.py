"""Keeps built environments by what they were built from; gives copies of them, and only of what is intact."""

from __future__ import annotations

import contextlib
import enum
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pytest_failhard.model import GateError

FOLDER = "pytest-failhard"
ENVIRONMENT, SEAL = "environment", "seal.json"
POLL_SECONDS = 0.05
SHEBANG_BYTES = 127
"""The longest first line that every Linux kernel runs a script by."""


class State(enum.Enum):
    """What the cache had."""

    ABSENT = "absent"
    DAMAGED = "damaged"
    """A file was another one, gone, or too many: the entry is thrown away."""
    REUSED = "reused"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A place for one environment; `key` is what it is built from."""

    folder: Path
    key: str

    @property
    def place(self) -> Path:
        """Where the finished environment is."""
        return self.folder / self.key

    @contextlib.contextmanager
    def locked(self, remaining: Callable[[], float]) -> Iterator[None]:
        """Hold the entry alone; raises GateError where another holds it until the gate's time is over."""
        import fcntl  # not on Windows, where nothing is started anyway

        with self._lock_file() as stream:
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not remaining():
                        raise GateError(
                            "cannot-run: another run holds the environment of this manifest in "
                            "the cache, and the gate's time is over; run again when it has ended"
                        ) from None
                time.sleep(POLL_SECONDS)
            yield

    def _lock_file(self) -> IO[bytes]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return (self.folder / f"{self.key}.lock").open("ab")
        except OSError as error:
            raise GateError(
                f"cannot-run: environments are kept in {self.folder}, and nothing can be written there "
                f"({error.strerror}): set XDG_CACHE_HOME to a folder of yours"
            ) from None

    def restore(self, target: Path) -> State:
        """Copy the environment to a fresh folder and hold each file against its hash.

        An entry that is not as it was written is removed, and the copy with it. To be called under the lock.
        """
        for part in self.folder.glob(f"{self.key}.part-*"):
            shutil.rmtree(part)  # of a run that was ended while it wrote
        if not self.place.exists():
            return State.ABSENT
        seal = _read_seal(self.place / SEAL)
        intact = False
        # An entry without an environment, or with files that cannot be read, is no entry.
        with contextlib.suppress(OSError):
            shutil.copytree(self.place / ENVIRONMENT, target, symlinks=True)
            intact = seal is not None and seal["files"] == dict(digests(target))
        if not intact or seal is None:
            shutil.rmtree(self.place)
            shutil.rmtree(target, ignore_errors=True)
            return State.DAMAGED
        move(target, str(seal["built"]))
        return State.REUSED

    def publish(self, environment: Path) -> None:
        """Copy a fresh environment into the cache; it appears there whole or not at all. Under the lock."""
        part = self.folder / f"{self.key}.part-{secrets.token_hex(4)}"
        shutil.copytree(environment, part / ENVIRONMENT, symlinks=True)
        seal = {"built": str(environment), "files": dict(digests(part / ENVIRONMENT))}
        (part / SEAL).write_text(json.dumps(seal, indent=1, sort_keys=True), "utf-8")
        part.rename(self.place)


def _read_seal(path: Path) -> Mapping[str, object] | None:
    try:
        seal = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return seal if isinstance(seal, dict) and {"built", "files"} <= seal.keys() else None


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each file below a folder with its hash, and each link with its target.

    That is more than RECORD holds: the bytecode that was compiled, and files that nobody installed.
    """
    for above, folders, names in os.walk(folder):
        for path in (Path(above, name) for name in (*names, *folders)):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                yield name, f"link:{path.readlink()}"
            elif path.is_file():
                with path.open("rb", buffering=0) as stream:
                    yield name, hashlib.file_digest(stream, "sha256").hexdigest()


def move(environment: Path, built: str) -> None:
    """Make the scripts of a copied environment run on the copy, not on the one that it was copied from."""
    scripts = (path for path in (environment / "bin").iterdir() if path.is_file() and not path.is_symlink())
    for path in (*scripts, environment / "pyvenv.cfg"):
        data = path.read_bytes()
        if built.encode() in data and b"\0" not in data:
            path.write_bytes(_first_line(data.replace(built.encode(), str(environment).encode())))


def _first_line(data: bytes) -> bytes:
    """Return a script whose first line a kernel can run by: one that is too long goes by way of a shell."""
    line, newline, rest = data.partition(b"\n")
    if not line.startswith(b"#!/") or len(line) <= SHEBANG_BYTES:
        return data
    # For the shell a command that replaces it, for Python a text.
    return b"#!/bin/sh\n'''exec' \"" + line[2:] + b'" "$0" "$@"\n\' \'\'\'' + newline + rest
