"""Finds the files that are product because product code imports them, wherever they lie."""

from __future__ import annotations

import ast
import os
import re
import stat
import unicodedata
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
    parsed only where the names of a candidate stand in its text: all that an import of it would need.
    `parse` returns None for a file that cannot be read, which is reported elsewhere.
    """
    bases = {".", *(PurePosixPath(name).parent.as_posix() for name in source), *source}
    named: dict[bytes, set[str]] = {}
    for path in others:
        named.setdefault(_name(path).encode(), set()).add(path)
    plain = bool(named) and _is_plain(root, bases, {each for paths in named.values() for each in paths})
    found: set[str] = set()
    work = list(product) if named else []
    while work:
        path = work.pop()
        # The words of a text against the names, not each name against the text: neither count may matter.
        words = set(_WORD.findall(_text(root / path)))
        suspects = {each for word in named.keys() & words for each in named[word]} - found
        if plain:
            starts = [*map(PurePosixPath, bases), *PurePosixPath(path).parents]
            suspects = {each for each in suspects if _is_written(each, starts, words)}
        tree = parse(path) if suspects else None
        if tree is not None:
            hit = suspects.intersection(_imported(root, path, tree, bases, frozenset(map(_name, suspects))))
            found |= hit
            work += hit
    return frozenset(found)


def _is_written(candidate: str, starts: Iterable[PurePosixPath], words: Container[bytes]) -> bool:
    """Tell whether all names of a module, from a folder on where an import may begin, are among the words."""
    pure = PurePosixPath(candidate)
    parts = pure.parent.parts if pure.name == "__init__.py" else (*pure.parent.parts, pure.stem)
    return any(
        parts[: len(begun)] == begun and all(part.encode() in words for part in parts[len(begun) :])
        for begun in (start.parts for start in starts)
    )


def _is_plain(root: Path, bases: Iterable[str], candidates: Iterable[str]) -> bool:
    """Tell whether each candidate has one path only: no link that an import could take leads to it."""
    if any(".." in PurePosixPath(base).parts for base in bases):
        return False
    links = [*_links(root)]
    if not links:
        return True
    top = root.resolve()
    known = {PurePosixPath(each) for each in candidates}
    ends = known.union(*(each.parents for each in known))

    def is_harmless(target: Path) -> bool:
        if not target.is_relative_to(top):
            return False
        below = PurePosixPath(target.relative_to(top).as_posix())
        # In a folder with another name there may be links that were not looked at.
        return below not in ends and all(part.removesuffix(".py").isidentifier() for part in below.parts)

    return all(is_harmless(link.resolve()) for link in links)


def _links(root: Path) -> Iterator[Path]:
    """Yield the links to folders and modules whose path an import can name."""
    for folder, folders, names in os.walk(root):
        folders[:] = filter(str.isidentifier, folders)
        modules = (name for name in names if name.endswith(".py"))
        # Asked of every module: a path object would take longer than the question.
        places = (f"{folder}{os.sep}{name}" for name in (*folders, *modules))
        yield from map(Path, filter(os.path.islink, places))


def _name(path: str) -> str:
    """Return the last part of the module's name."""
    pure = PurePosixPath(path)
    return pure.parent.name if pure.name == "__init__.py" else pure.stem


def _text(path: Path) -> bytes:
    try:
        # A pipe would keep us waiting for ever.
        data = path.read_bytes() if stat.S_ISREG(path.stat().st_mode) else b""
    except OSError:
        return b""
    # Python takes `\uff54ests` for `tests`.
    return data if data.isascii() else unicodedata.normalize("NFKC", data.decode("utf-8", "replace")).encode()


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
