"""Tells a project's own modules from those of others: by import path, and distributions by declaration."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.source.dependencies import normalized
from pytest_failhard.source.import_roots import CONTAINERS
from pytest_failhard.source.index import Index


class OwnModules:
    """The modules that the imports of a project can name, from each of its import roots.

    Never by file stem: `clients/redis.py` makes `clients.redis` a module, and leaves `redis` to the
    distribution of that name. What is below a package of the project is its own, existing or not.
    """

    def __init__(self, index: Index) -> None:
        packages = _packages(index)
        imported = frozenset(name for each in index.files for name in each.imports if "." in name)
        roots = frozenset(_roots(index, packages, imported))
        named = [each for path in index.by_path for each in _named(path, roots, packages)]
        self._modules = frozenset(name for name, _ in named) | frozenset(
            # A folder without `__init__.py` is a package once somebody imports from it.
            name.rpartition(".")[0]
            for name, is_package in named
            if not is_package and name in imported
        )
        self._packages = frozenset(name for name, is_package in named if is_package)

    def __contains__(self, dotted: str) -> bool:
        """Tell whether a dotted name is a module or package of the project, or would be below one."""
        return dotted in self._modules or dotted.partition(".")[0] in self._packages


def _packages(index: Index) -> frozenset[str]:
    """Return the folders that are packages by their `__init__.py`."""
    return frozenset(path.rpartition("/")[0] for path in index.by_path if path.endswith("/__init__.py"))


def _named(path: str, roots: frozenset[str], packages: frozenset[str]) -> Iterator[tuple[str, bool]]:
    """Yield the names of a file from each root above it, and of the packages between them."""
    parts = PurePosixPath(path).with_suffix("").parts
    for depth in range(len(parts)):
        if "/".join(parts[:depth]) in roots:
            for end in range(depth + 1, len(parts)):
                if "/".join(parts[:end]) in packages:
                    yield ".".join(parts[depth:end]), True
            yield ".".join(parts[depth:]), False


def _roots(index: Index, packages: frozenset[str], imported: frozenset[str]) -> Iterator[str]:
    """Yield the folders that are import roots: the root, containers, and those that imports speak of.

    A folder without `__init__.py` is one if an import names a module below it by two parts or more, or if
    its files import several of their neighbours by their bare names.
    """
    yield ""
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
