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
        top = root.resolve()
        files = {top / path for path in known}
        compared = [folder.resolve() for folder in folders]
        machine = [*compared, *_machine()]
        found = {Path(path).resolve() for path in tuple(self.paths)}
        return tuple(
            sorted(
                str(path)
                for path in found - files
                if path.is_file() and not _below(path, compared if path.is_relative_to(top) else machine)
            )
        )


def _machine() -> Iterator[Path]:
    """Yield the folders of Python and of the machine, and ours for what passes."""
    yield from map(Path, SYSTEM)
    yield Path(tempfile.gettempdir()).resolve()
    for place in (sys.base_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")):
        yield Path(place).resolve()


def _below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
