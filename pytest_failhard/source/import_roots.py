"""Finds the folders from which a project's own imports resolve."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from pytest_failhard.model import GateError
from pytest_failhard.source.files import parse

CONTAINERS = frozenset({"src", "lib", "python"})


def import_roots(root: Path, source: Sequence[str], paths: Sequence[str]) -> tuple[str, ...]:
    """Return the import roots relative to the root, sorted, without repetition.

    A module's or package's is the folder that holds it; a folder that is no package (`src`, or a
    folder of scripts that no import names) is one itself.
    """
    return roots_of(root, source, _imported(root, paths))


def roots_of(root: Path, source: Sequence[str], named: frozenset[str]) -> tuple[str, ...]:
    """Return the import roots, where it is known which top-level names the product imports."""
    return tuple(sorted({_import_root(root, PurePosixPath(name), named) for name in source}))


def _imported(root: Path, paths: Iterable[str]) -> frozenset[str]:
    names: set[str] = set()
    for path in paths:
        for node in _nodes(root, path):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return frozenset(names)


def _nodes(root: Path, path: str) -> Iterable[ast.AST]:
    try:
        return ast.walk(parse(root, path))
    except GateError:
        # Each gate that reads the file says so; the others go on.
        return ()


def _import_root(root: Path, name: PurePosixPath, named: frozenset[str]) -> str:
    if not name.parts or (root / name).is_file():
        return name.parent.as_posix()
    if not (root / name / "__init__.py").exists() and _is_container(root / name, named):
        return name.as_posix()
    above = name.parent
    while above.parts and ((root / above / "__init__.py").exists() or above.name in named):
        above = above.parent
    return above.as_posix()


def _is_container(folder: Path, named: frozenset[str]) -> bool:
    if folder.name in named:
        return False
    holds_modules = any(each.suffix == ".py" and each.stem in named for each in folder.iterdir())
    return folder.name in CONTAINERS or holds_modules or not folder.name.isidentifier()


def placed(path: str, roots: Sequence[str]) -> tuple[int, str, str]:
    """Return the number of the innermost root above a file, its path below it, and its module's name."""
    parts = PurePosixPath(path).parts
    above = [
        (len(PurePosixPath(root).parts), number) for number, root in enumerate(roots) if _above(root, parts)
    ]
    if not above:
        raise GateError(f"{path} is below no import root; correct `source` in [tool.failhard]")
    depth, number = max(above)
    below = PurePosixPath(*parts[depth:])
    names = below.with_suffix("").parts
    if names[-1] == "__init__":
        # At an import root itself the file makes no package: the type checker takes it for a script.
        names = names[:-1] or ("__main__",)
    return number, below.as_posix(), ".".join(names)


def _above(root: str, parts: tuple[str, ...]) -> bool:
    above = PurePosixPath(root).parts
    return parts[: len(above)] == above
