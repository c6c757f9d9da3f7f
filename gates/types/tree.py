"""Tells what lies below the import roots, and which modules a change of it touches."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PACKAGE = "__init__"
SUFFIXES = (".py", ".pyi")
UNNAMED = "__pycache__"
"""A folder that comes and goes, which no import names."""


class LinkError(OSError):
    """A link to a folder: what lies behind it has more than one name."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What an import can find below the import roots. All paths are relative to the project's root."""

    files: Mapping[str, str]
    """The SHA-256 of each source and stub."""
    folders: frozenset[str]


def look(root: Path, roots: Sequence[str], known: Mapping[str, str]) -> Tree | None:
    """Return the tree below the import roots, None where it cannot be told.

    `known` are the digests of files that belong to it wherever they are.
    """
    files = dict(known)
    folders: set[str] = set()
    try:
        for base in roots:
            for path, is_folder in _walk(root, base):
                if is_folder:
                    folders.add(path)
                elif path not in files:
                    files[path] = digest(root / path)
    except OSError:
        # mypy says of a file what is wrong with it; we only do without what an earlier run left.
        return None
    return Tree(files=files, folders=frozenset(folders))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file; raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _walk(root: Path, base: str) -> Iterator[tuple[str, bool]]:
    for place, folders, names in os.walk(root / base, onerror=_refuse):
        folder = Path(place)
        below = folder.relative_to(root)
        folders[:] = sorted(name for name in folders if name.isidentifier())
        for name in folders:
            if (folder / name).is_symlink():
                raise LinkError(name)
            if name != UNNAMED:
                yield (below / name).as_posix(), True
        for name in names:
            if name.endswith(SUFFIXES) and (folder / name).is_file():
                yield (below / name).as_posix(), False


def _refuse(error: OSError) -> None:
    raise error


def stems(paths: Iterable[str]) -> Iterator[str]:
    """Yield for each path all names that a module in it can have, with slashes and without a suffix.

    The import root is not asked for: a name too many costs time, one too few could hide a change.
    """
    for path in paths:
        whole = _without_suffix(path)
        while whole:
            yield whole
            whole = whole.partition("/")[2]


def modules(paths: Iterable[str], roots: Sequence[str]) -> frozenset[str]:
    """Return the names of the modules in the paths, with slashes, as seen from each import root."""
    return frozenset(
        _without_suffix(path.removeprefix(above))
        for path in paths
        for above in ("" if root == "." else f"{root}/" for root in roots)
        if path.startswith(above)
    )


def _without_suffix(path: str) -> str:
    return path.removesuffix(".py").removesuffix(".pyi")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became another between two trees. `appeared` are the paths that only one of them has."""

    touched: frozenset[str]
    """Paths whose modules must be read again."""
    appeared: frozenset[str]

    def tops(self, roots: Sequence[str]) -> frozenset[str]:
        """Return the top-level names whose meaning may have changed, as seen from each import root."""
        return frozenset(name.partition("/")[0] for name in modules(self.appeared, roots))


def compared(root: Path, before: Tree, now: Tree) -> Change:
    """Return what has changed; raises OSError where a file cannot be read.

    A name that appeared or went changes what an import means wherever that name is written, also where the
    importing file is the same: such files are touched as well.
    """
    appeared = frozenset((before.files.keys() ^ now.files.keys()) | (before.folders ^ now.folders))
    changed = {path for path, known in now.files.items() if before.files.get(path) != known}
    naming = _naming(root, now.files, appeared) if appeared else frozenset()
    return Change(touched=appeared | changed | naming, appeared=appeared)


def _naming(root: Path, paths: Collection[str], appeared: Iterable[str]) -> frozenset[str]:
    """Return the files that may import what appeared or went, by the letters in them alone."""
    names: set[bytes] = set()
    packages: set[str] = set()
    for path in map(PurePosixPath, appeared):
        name = path.name.partition(".")[0]
        if name == PACKAGE:
            packages.add(path.parent.as_posix())
            name = path.parent.name
        names.add(os.fsencode(name))
    below = {path for path in paths if any(PurePosixPath(path).is_relative_to(each) for each in packages)}
    return frozenset(below | {path for path in paths if _names((root / path).read_bytes(), names)})


def _names(data: bytes, names: Iterable[bytes]) -> bool:
    # Python takes many letters for the same one, all of them outside ASCII.
    return not data.isascii() or any(name in data for name in names)
