"""Lists the configuration files of a project: those of its root, of its packages and of its tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.source.files import UNREAD_FOLDERS, role


def configurations(root: Path, test_roots: tuple[str, ...]) -> Iterator[str]:
    """Yield the configuration files: of the root, of folders with product code, and of the test roots."""
    for folder, folders, names in os.walk(root):
        place = PurePosixPath(Path(folder).relative_to(root).as_posix())
        folders[:] = sorted(name for name in folders if _is_entered(Path(folder, name)))
        if place.parts and role(f"{place}/x.py") != "product" and place.as_posix() not in test_roots:
            continue
        yield from ((place / name).as_posix() for name in sorted(names) if name in data.FILES)


def _is_entered(folder: Path) -> bool:
    hidden = folder.name.startswith((".", "{")) or folder.name in UNREAD_FOLDERS
    return not hidden and not folder.is_symlink() and not (folder / "pyvenv.cfg").exists()
