"""Puts mypy's cache into a folder, takes single modules out of it, and reads what it says of them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

# Version of Python, and the database or one of its parts.
STORE = re.compile(r"[0-9]+\.[0-9]+/cache(\.[0-9]+)?\.db")
META = ".meta."
OWN_NAMES = frozenset({"__main__", "__main__/__init__"})
"""Modules without a name of their own: nothing tells which file they were."""


class StoreError(Exception):
    """What is in the folder is no cache that we can read."""


def put(folder: Path, stores: Mapping[str, bytes]) -> None:
    """Write the databases of a cache; raises OSError."""
    for name, data in stores.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def take(folder: Path) -> dict[str, bytes]:
    """Return the databases of a cache by name; raises OSError."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _stores(folder)}


def names(folder: Path) -> set[str]:
    """Return the modules in a cache, with slashes; raises StoreError."""
    return {stem(name) for name, _ in _rows(folder, "SELECT path, '' FROM files2")}


def metas(folder: Path) -> dict[str, bytes]:
    """Return what a cache says of each module, by its name with slashes; raises StoreError."""
    return {
        stem(name): data
        for name, data in _rows(folder, "SELECT path, data FROM files2")
        if META in name and isinstance(data, bytes)
    }


def forget(folder: Path, gone: Collection[str]) -> None:
    """Remove modules from a cache, and all that have no name; raises StoreError."""
    for store in _stores(folder):
        with _opened(store) as database:
            found = database.execute("SELECT path FROM files2").fetchall()
            rows = [(name,) for (name,) in found if stem(name) in gone or stem(name) in OWN_NAMES]
            database.executemany("DELETE FROM files2 WHERE path = ?", rows)


def stem(name: str) -> str:
    """Return the module's part of a row's name: `a/b` of `a/b.meta.ff`."""
    return str(name).partition(".")[0]


def _rows(folder: Path, query: str) -> Iterator[tuple[str, object]]:
    for store in _stores(folder):
        with _opened(store) as database:
            yield from database.execute(query)


@contextmanager
def _opened(store: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(store)) as database, database:
            yield database
    except sqlite3.Error as error:
        raise StoreError(f"{store.name}: {error}") from None


def _stores(folder: Path) -> Iterable[Path]:
    return sorted(
        path for path in folder.glob("*/*.db") if STORE.fullmatch(path.relative_to(folder).as_posix())
    )
