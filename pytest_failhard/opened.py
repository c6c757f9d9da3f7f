"""Notes which files this process opens to read: what a gate read must be among what is compared."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR
SYSTEM = ("/proc", "/dev", "/sys", "/etc", "/usr/lib", "/usr/share", "/usr/local/lib", "/usr/local/share")
"""The machine's own: which one it is stands among what is compared."""


class Watch:
    """A hook for `sys.addaudithook`, which nobody can remove: it does nothing until it is switched on."""

    def __init__(self) -> None:
        self.on = False
        self.paths: set[str] = set()

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Note a path that is opened to read; a descriptor, or a name below one, is a file of ours."""
        if self.on and event == "open":
            path, _, flags = arguments
            if isinstance(path, str) and isinstance(flags, int) and not flags & WRITING:
                self.paths.add(path)

    def elsewhere(self, root: Path, known: Iterable[str], folders: Iterable[Path]) -> tuple[str, ...]:
        """Return the files that were read and are neither `known` files of the root nor in `folders`."""
        # Thousands of files, most of them in few folders: as texts, and each folder is looked up once.
        real = _Real()
        top = real(str(root))
        files = {f"{top}/{path}" for path in known}
        compared = _starts(real(str(folder)) for folder in folders)
        machine = (*compared, *_starts(real(place) for place in _machine()))
        found = {real(path) for path in tuple(self.paths)} - files
        return tuple(
            sorted(
                path
                for path in found
                if not path.startswith(compared if path.startswith(f"{top}/") else machine)
                and Path(path).is_file()
            )
        )


class _Real:
    """Says where paths really are."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        """Return the path without links in it."""
        above, name = os.path.split(path)
        if above not in self._folders:
            self._folders[above] = os.path.realpath(above)
        place = f"{self._folders[above].rstrip('/')}/{name}"
        return os.path.realpath(path) if name in {"", ".", ".."} or Path(place).is_symlink() else place


def _starts(folders: Iterable[str]) -> tuple[str, ...]:
    """Return what the paths of all that is in some folders begin with."""
    return tuple(f"{folder.rstrip('/')}/" for folder in folders)


def _machine() -> Iterator[str]:
    """Yield the folders of Python and of the machine, and ours for what passes."""
    yield from SYSTEM
    yield tempfile.gettempdir()
    yield from (sys.base_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
