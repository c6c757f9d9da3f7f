"""Lists the files that the rules read, and the projects of their own that they do not."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_failhard.source.files import SourceFile, every, read, role, tree, walk
from pytest_failhard.source.globs import matches
from pytest_failhard.source.promotion import promoted

PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The Python files of a tree. `nested` are the folders of other projects, `excluded` their files."""

    files: tuple[SourceFile, ...]
    nested: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


@functools.lru_cache(maxsize=8)
def python_files(
    root: Path, source: tuple[str, ...], tests: tuple[str, ...], roles: tuple[tuple[str, str], ...] = ()
) -> Listing:
    """Return the Python files of a project, without those of the projects among its examples.

    What the product imports, and what lies below a source or test root, is read wherever it is. `roles`
    are globs with the roles of the files that they mean.
    """
    project = read(root, source, tests)
    known = set(project.files)
    files = every(project)
    nested = _nested(root, (*source, *tests), (file.path for file in files))
    excluded = {file for file in files if file not in known and _below(file.path, nested)}
    return Listing(
        files=_given(root, source, tuple(file for file in files if file not in excluded), roles),
        nested=nested,
        excluded=tuple(file.path for file in sorted(excluded)),
    )


def _given(
    root: Path, source: Sequence[str], files: tuple[SourceFile, ...], roles: Sequence[tuple[str, str]]
) -> tuple[SourceFile, ...]:
    """Return the files with the roles that they are given; what product code imports stays product."""
    given = {file.path: _role(file, roles) for file in files}
    if all(given[file.path] == file.role for file in files):
        return files
    product = {path for path, given_role in given.items() if given_role == "product"}
    product |= promoted(root, source, product, given.keys() - product, lambda path: tree(root, path))
    return tuple(
        SourceFile(path=path, role="product" if path in product else each) for path, each in given.items()
    )


def _role(file: SourceFile, roles: Sequence[tuple[str, str]]) -> str:
    return next((given for glob, given in roles if matches(file.path, glob)), file.role)


def others(root: Path, nested: Sequence[str], *suffixes: str) -> tuple[str, ...]:
    """Return the paths of the files with other endings, those of nested projects left out; sorted."""
    found = {path for suffix in suffixes for path in walk(root, suffix=suffix)}
    return tuple(sorted(path for path in found if not _below(path, nested)))


def _nested(root: Path, roots: Sequence[str], paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders of role example that hold a `[project]` of their own, outermost only; sorted."""
    folders = sorted({above.as_posix() for path in paths for above in PurePosixPath(path).parents})
    found: list[str] = []
    for folder in folders:
        if role(f"{folder}/x.py") != "example" or _below(folder, found) or _meets(folder, roots):
            continue
        if _is_project(root / folder / PYPROJECT):
            found.append(folder)
    return tuple(found)


def _meets(folder: str, roots: Sequence[str]) -> bool:
    """Tell whether a folder lies below a root, or a root below it."""
    return any(_below(folder, (root,)) or _below(root, (folder,)) for root in roots)


def _below(path: str, folders: Iterable[str]) -> bool:
    parts = PurePosixPath(path).parts
    return any(parts[: len(above)] == above for above in (PurePosixPath(each).parts for each in folders))


def _is_project(path: Path) -> bool:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        # No project that anybody could build: then the files are ours.
        return False
    return isinstance(document.get("project"), dict)
