"""Tells a project's own modules from those of others: by import path, and distributions by declaration."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.source.dependencies import normalized
from pytest_failhard.source.import_roots import CONTAINERS
from pytest_failhard.source.index import Index


class OwnModules:
    """The modules that the imports of a project can name, from each of its import roots.

    Never by file stem: `clients/redis.py` makes `clients.redis` a module, and leaves `redis` to the
    distribution of that name.
    """

    def __init__(self, index: Index) -> None:
        self._roots = frozenset(_roots(index))
        self._names = frozenset(name for each in index.files for name in self._named(each.path))

    def __contains__(self, dotted: object) -> bool:
        """Tell whether a dotted name is a module or package of the project."""
        return dotted in self._names

    def _named(self, path: str) -> Iterator[str]:
        parts = PurePosixPath(path).with_suffix("").parts
        for depth in range(len(parts)):
            if "/".join(parts[:depth]) in self._roots:
                names = parts[depth:-1] if parts[-1] == "__init__" else parts[depth:]
                yield from (".".join(names[: length + 1]) for length in range(len(names)))


def _roots(index: Index) -> Iterator[str]:
    """Yield the folders that are import roots: the root, containers, and those that imports speak of.

    A folder without `__init__.py` is one if an import names a module below it by two parts or more, or if
    its files import several of their neighbours by their bare names.
    """
    yield ""
    packages = {path.rpartition("/")[0] for path in index.by_path if path.endswith("/__init__.py")}
    imported = {name for each in index.files for name in each.imports if "." in name}
    for path in index.by_path:
        for above in PurePosixPath(path).parents:
            folder = above.as_posix()
            if not above.parts or folder in packages:
                continue
            if above.name in CONTAINERS or not above.name.isidentifier() or _dotted(path, folder) in imported:
                yield folder
    yield from (
        folder for folder, names in _neighbours(index).items() if folder not in packages and len(names) > 1
    )


def _neighbours(index: Index) -> Mapping[str, set[str]]:
    """Folder -> the modules in it that are imported by their bare names from beside them."""
    found: dict[str, set[str]] = {}
    for each in index.files:
        folder = each.path.rpartition("/")[0]
        bare = {name for name in each.imports if f"{folder}/{name}.py" in index.by_path}
        found.setdefault(folder, set()).update(bare)
    return found


def _dotted(path: str, folder: str) -> str:
    names = PurePosixPath(path[len(folder) + 1 :]).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def distributions(dotted: str) -> Sequence[str]:
    """Return the normalized names of the distributions that may provide a module."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        known = data.DIFFERING.get(".".join(parts[:length]))
        if known:
            return (normalized(known), normalized(parts[0]))
    installed = _installed().get(parts[0], ())
    return (*(normalized(each) for each in installed), normalized(parts[0]), normalized("-".join(parts[:2])))


@functools.cache
def _installed() -> Mapping[str, Sequence[str]]:
    return importlib.metadata.packages_distributions()


def is_standard(dotted: str) -> bool:
    """Tell whether a module comes with Python."""
    return dotted.partition(".")[0] in sys.stdlib_module_names
