"""A file of lines in the report folder that grows at its end alone, and that no run empties."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.store.folder import Folder

MAX_BYTES = 512 * 1024
"""From this size on the file is put aside, and a new one begun. One older file is kept."""
MAX_READ_BYTES = 4 * MAX_BYTES


class JournalError(Exception):
    """It cannot be read or written: which file, why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Journal:
    """The lines of one file, `<name>.jsonl`, and of the one before it, `<name>.1.jsonl`."""

    folder: Folder
    name: str
    max_bytes: int = MAX_BYTES

    @property
    def file(self) -> str:
        """The name of the file that grows."""
        return f"{self.name}.jsonl"

    @property
    def older(self) -> str:
        """The name of the file that was put aside."""
        return f"{self.name}.1.jsonl"

    def read(self) -> list[tuple[str, int, bytes]]:
        """Return each line with its file and number, oldest first; one without a line break was cut off.

        Raises JournalError.
        """
        return [
            (file, number, line)
            for file in (self.older, self.file)
            for number, line in enumerate(self._bytes(file).splitlines(keepends=True), start=1)
            if line.strip()
        ]

    def append(self, lines: list[bytes]) -> None:
        """Add lines at the end, all or none; raises JournalError. What stands there stays."""
        if not lines:
            return
        data = b"".join(line + b"\n" for line in lines)
        with self._alone():
            before = self._bytes(self.file)
            if before and len(before) + len(data) > self.max_bytes:
                self.folder.rename(self.file, self.older)
                before = b""
            # A line that was cut off keeps to itself.
            gap = b"" if not before or before.endswith(b"\n") else b"\n"
            self.folder.append(self.file, gap + data)

    def remove(self, numbers: set[tuple[str, int]]) -> None:
        """Take out the lines of these files and numbers, and leave all others byte for byte.

        Raises JournalError.
        """
        with self._alone():
            for file in sorted({file for file, _ in numbers}):
                lines = enumerate(self._bytes(file).splitlines(keepends=True), start=1)
                kept = b"".join(line for number, line in lines if (file, number) not in numbers)
                self.folder.replace(file, kept)

    def _bytes(self, file: str) -> bytes:
        with self._told(file):
            data = self.folder.read(file, MAX_READ_BYTES + 1) or b""
            if len(data) > MAX_READ_BYTES:
                raise OSError(f"has more than {MAX_READ_BYTES} bytes, which no run writes")
        return data

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._told(self.file), self.folder.alone():
            yield

    @contextmanager
    def _told(self, file: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise JournalError(
                f"{file}: {reason}; make it an ordinary file that you may write, or remove it"
            ) from None


@contextmanager
def opened(path: Path, name: str) -> Iterator[Journal]:
    """Open the journal of a report folder that is there; raises JournalError."""
    try:
        folder = Folder.open(path)
    except OSError as error:
        raise JournalError(
            f"{path}: {error.strerror or error}; run `failhard check` first, or name the report folder "
            "with --report-dir"
        ) from None
    with closing(folder):
        yield Journal(folder=folder, name=name)
