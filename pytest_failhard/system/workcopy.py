"""Copies the project to where it is run, and tells afterwards which files a run has written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard import proc
from pytest_failhard.model import GateError

UNCOPIED = frozenset({".git", ".hg", ".failhard", "node_modules", "__pycache__"})
"""Folders that are never copied; the second half of the rule for a project outside git."""
_State = tuple[int, int, int]
READ_BYTES = 1024 * 1024
"""So much of a written file is read."""


@dataclass(frozen=True, kw_only=True)
class WorkingCopy:
    """A copy of the project. `sha256` is over the paths and contents of what was copied."""

    folder: Path
    sha256: str


def copy(root: Path, folder: Path) -> WorkingCopy:
    """Copy what git tracks and what it does not ignore into a fresh folder that only we can enter.

    Outside git all is copied but caches and environments. Raises GateError where nothing could be copied.
    """
    folder.mkdir(parents=True, mode=0o700)
    digest = hashlib.sha256()
    names = sorted(_names(root))
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target, follow_symlinks=False)
        content = str(target.readlink()).encode() if target.is_symlink() else target.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    if not names:
        raise GateError(f"{root.name}: git knows no file here that could be run; add the project's files")
    return WorkingCopy(folder=folder, sha256=digest.hexdigest())


def _names(root: Path) -> Iterator[str]:
    listed = proc.git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        yield from _walked(root)
        return
    for name in {os.fsdecode(part) for part in listed.stdout.split(b"\0") if part}:
        # What is tracked and deleted is not there; a submodule is a folder of its own.
        if (root / name).is_symlink() or ((root / name).exists() and not (root / name).is_dir()):
            yield name


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name for name in folders if name not in UNCOPIED and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        paths = (Path(folder, name) for name in names)
        yield from (path.relative_to(root).as_posix() for path in paths if path.is_file())


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below a folder, by its path there; of a link, of where it leads."""
    found: dict[str, str] = {}
    for above, folders, names in os.walk(folder):
        # A link to a folder is one of the folders, and is not walked into.
        linked = (name for name in folders if Path(above, name).is_symlink())
        for path in (Path(above, name) for name in (*names, *linked)):
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                content = str(path.readlink()).encode()
            elif stat.S_ISREG(status.st_mode):
                content = path.read_bytes()
            else:  # a pipe or a socket has no content, and reading it may never end
                continue
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


class Watch:
    """Notes the files below folders, to tell later which were created or changed.

    Paths are relative to the first folder; those of the others begin with `../`.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._before = self._state()

    def written(self) -> Mapping[str, bytes]:
        """Return the files created or changed since the last time, with the beginning of their content."""
        before, self._before = self._before, self._state()
        changed = [path for path, state in self._before.items() if before.get(path) != state]
        first = self._folders[0]
        return {Path(os.path.relpath(path, first)).as_posix(): _beginning(path) for path in sorted(changed)}

    def _state(self) -> dict[Path, _State]:
        return {path: state for folder in self._folders for path, state in _states(folder).items()}


def _states(folder: Path) -> dict[Path, _State]:
    found: dict[Path, _State] = {}
    for above, _, names in os.walk(folder):
        for path in (Path(above, name) for name in names):
            # A temporary file of a process that runs may be gone again.
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def _beginning(path: Path) -> bytes:
    # What is no file (a link, a pipe, a socket) holds nothing, and reading it may never end.
    with contextlib.suppress(OSError):
        if stat.S_ISREG(path.lstat().st_mode):
            with path.open("rb") as stream:
                return stream.read(READ_BYTES)
    return b""
