"""A folder held open: every write goes through its descriptor, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

if sys.platform != "win32":
    import fcntl

# Windows has none of these; there a link planted during the run is noticed when the folder is compared.
NO_FOLLOW = os.O_NOFOLLOW if sys.platform != "win32" else 0
# A named pipe in place of a file must not make us wait for its writer.
NO_WAIT = os.O_NONBLOCK if sys.platform != "win32" else 0
DIRECTORY = os.O_DIRECTORY | NO_FOLLOW if sys.platform != "win32" else 0
BY_DESCRIPTOR = sys.platform != "win32"


@dataclass(frozen=True)
class Folder:
    """A folder held open, so that a link put in its place later is not followed."""

    path: Path
    descriptor: int | None

    @classmethod
    def open(cls, path: Path) -> Folder:
        """Open a folder; a symlink raises OSError."""
        if path.is_symlink():
            raise OSError(f"{path} is a symlink")
        return cls(path, os.open(path, os.O_RDONLY | DIRECTORY) if BY_DESCRIPTOR else None)

    def child(self, name: str, mode: int = 0o777) -> Folder:
        """Make a folder in this one, or open the one that is there; a symlink raises OSError."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._at(name), mode, dir_fd=self.descriptor)
        if not BY_DESCRIPTOR:
            return Folder.open(self.path / name)
        return Folder(self.path / name, os.open(name, os.O_RDONLY | DIRECTORY, dir_fd=self.descriptor))

    def write(self, name: str, data: bytes, mode: int = 0o644, *, durable: bool = True) -> None:
        """Write a file that is not there yet, `durable` down to the disk; on failure it is not there."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW
        descriptor = os.open(self._at(name), flags, mode, dir_fd=self.descriptor)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
        except OSError:
            self.remove(name)
            raise

    def replace(self, name: str, data: bytes, mode: int = 0o644, *, durable: bool = True) -> None:
        """Write a file under a temporary name, `durable` down to the disk, and rename it into place."""
        self.remove(temporary(name))
        self.write(temporary(name), data, mode, durable=durable)
        self.rename(temporary(name), name)

    def rename(self, old: str, new: str) -> None:
        """Rename within the folder."""
        os.replace(self._at(old), self._at(new), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, a link or a whole folder, if it is there."""
        try:
            is_folder = stat.S_ISDIR(
                os.stat(self._at(name), dir_fd=self.descriptor, follow_symlinks=False).st_mode
            )
        except FileNotFoundError:
            return
        if is_folder:
            shutil.rmtree(self._at(name), dir_fd=self.descriptor)
        else:
            os.unlink(self._at(name), dir_fd=self.descriptor)

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file, down to the disk, or leave it as it was; a symlink raises OSError."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_FOLLOW | NO_WAIT
        descriptor = os.open(self._at(name), flags, 0o644, dir_fd=self.descriptor)
        try:
            before = os.fstat(descriptor).st_size
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)

    def read(self, name: str, most: int = -1) -> bytes | None:
        """Return a file's bytes, at most `most`; None where there is none, a symlink raises OSError."""
        try:
            descriptor = os.open(self._at(name), os.O_RDONLY | NO_FOLLOW | NO_WAIT, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(most)

    def names(self) -> set[str]:
        """Return what is in the folder."""
        # A Path cannot list a descriptor.
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as entries:
            return {entry.name for entry in entries}

    def status(self, name: str) -> os.stat_result | None:
        """Return what the system says of a file, of a link itself; None where there is no such file."""
        try:
            return os.stat(self._at(name), dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def touch(self, name: str) -> None:
        """Set a file's times to now."""
        if BY_DESCRIPTOR:
            os.utime(self._at(name), dir_fd=self.descriptor, follow_symlinks=False)
        else:
            os.utime(self._at(name))

    def in_place(self) -> bool:
        """Tell whether the path still leads to the folder that was opened."""
        if self.descriptor is None:
            return self.path.is_dir() and not self.path.is_symlink()
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(self.descriptor))
        except OSError:
            return False

    def sync(self) -> None:
        """Bring the renames to the disk."""
        if self.descriptor is not None:
            os.fsync(self.descriptor)

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor is not None:
            os.close(self.descriptor)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out of the few steps in which the lock is taken."""
        if sys.platform != "win32" and self.descriptor is not None:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        else:
            yield

    def _at(self, name: str) -> str:
        if name in {"", ".", ".."} or PurePosixPath(name).name != name:
            raise ValueError(f"{self.path}: {name!r} is no plain file name; name the file without a folder")
        return name if self.descriptor is not None else str(self.path / name)


def temporary(name: str) -> str:
    """Return the name under which a file is written before it is renamed."""
    return f".{name}.tmp"
