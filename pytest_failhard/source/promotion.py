"""Finds the files that are product because product code imports them, wherever they lie."""

from __future__ import annotations

import ast
import re
import stat
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path, PurePosixPath

# Any letter of any alphabet: bytes above ASCII are the parts of one.
_WORD = re.compile(rb"[\w\x80-\xff]+")


def promoted(
    root: Path,
    source: Iterable[str],
    product: Iterable[str],
    others: Iterable[str],
    parse: Callable[[str], ast.Module | None],
) -> frozenset[str]:
    """Return those of `others` that a product file imports, directly or through one another.

    Moving code into `tests/` or `examples/` and importing it must not free it from the rules. A file is
    parsed only where the last name of a candidate stands in its text. `parse` returns None for a file
    that cannot be read, which is reported elsewhere.
    """
    bases = {".", *(PurePosixPath(name).parent.as_posix() for name in source), *source}
    named: dict[bytes, set[str]] = {}
    for path in others:
        named.setdefault(_name(path).encode(), set()).add(path)
    found: set[str] = set()
    work = list(product) if named else []
    while work:
        path = work.pop()
        # The words of a text against the names, not each name against the text: neither count may matter.
        words = named.keys() & set(_WORD.findall(_text(root / path)))
        suspects = {each for word in words for each in named[word]} - found
        tree = parse(path) if suspects else None
        if tree is not None:
            hit = suspects.intersection(_imported(root, path, tree, bases, frozenset(map(_name, suspects))))
            found |= hit
            work += hit
    return frozenset(found)


def _name(path: str) -> str:
    """Return the last part of the module's name."""
    pure = PurePosixPath(path)
    return pure.parent.name if pure.name == "__init__.py" else pure.stem


def _text(path: Path) -> bytes:
    try:
        # A pipe would keep us waiting for ever.
        return path.read_bytes() if stat.S_ISREG(path.stat().st_mode) else b""
    except OSError:
        return b""


def _imported(
    root: Path, path: str, tree: ast.Module, bases: Iterable[str], named: Container[str]
) -> Iterator[str]:
    """Yield the files, relative to the root, that the imports of a file may load and that are named."""
    package = PurePosixPath(path).parent
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from _files(root, (PurePosixPath(base) for base in bases), names, named)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)]
            above = [package, *package.parents][max(node.level - 1, 0) :][:1]
            folders = above if node.level else [PurePosixPath(base) for base in bases]
            yield from _files(root, folders, names, named)


def _files(
    root: Path, folders: Iterable[PurePosixPath], names: Iterable[str], named: Container[str]
) -> Iterator[str]:
    """Yield the files of modules; the disk is asked only for the last names that matter."""
    listed = list(names)
    for folder in folders:
        for name in listed:
            parts = name.split(".")
            for depth in (at for at, part in enumerate(parts, 1) if (part or folder.name) in named):
                stem = root.joinpath(folder, *parts[:depth])
                for file in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
                    if file.is_file() and file.resolve().is_relative_to(root.resolve()):
                        yield file.resolve().relative_to(root.resolve()).as_posix()
