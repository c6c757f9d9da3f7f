"""Finds the folders from which a project's own imports resolve."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from pytest_failhard.model import GateError
from pytest_failhard.source.files import parse

CONTAINERS = frozenset({"src", "lib", "python"})


def import_roots(root: Path, source: Sequence[str], paths: Sequence[str]) -> tuple[str, ...]:
    """Return the import roots relative to the root, sorted, without repetition.

    A module's or package's is the folder that holds it; a folder that is no package (`src`, or a
    folder of scripts that no import names) is one itself.
    """
    return _roots(root, source, _Imports(root, paths).has)


def roots_of(root: Path, source: Sequence[str], named: frozenset[str]) -> tuple[str, ...]:
    """Return the import roots, where it is known which top-level names the product imports."""
    return _roots(root, source, named.__contains__)


IsImported = Callable[[str], bool]


def _roots(root: Path, source: Sequence[str], is_imported: IsImported) -> tuple[str, ...]:
    return tuple(sorted({_import_root(root, PurePosixPath(name), is_imported) for name in source}))


class _Imports:
    """The top-level names that some files import, looked for in those alone in which they may stand."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        self._root = root
        self._paths = tuple(paths)
        self._found: dict[str, frozenset[str]] = {}

    def has(self, name: str) -> bool:
        """Tell whether one of the files imports it."""
        return any(name in self._names(path) for path, data in self._texts.items() if _may_hold(data, name))

    @functools.cached_property
    def _texts(self) -> Mapping[str, bytes]:
        return {path: _bytes(self._root / path) for path in self._paths}

    def _names(self, path: str) -> frozenset[str]:
        if path not in self._found:
            self._found[path] = _imported(self._root, path)
        return self._found[path]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        # Each gate that reads the file says so; the others go on.
        return b""


def _may_hold(data: bytes, name: str) -> bool:
    """Tell whether a name can stand in a text: as it is written, or in letters that mean the same."""
    is_plain = data.isascii() and b"coding" not in b"".join(data.split(b"\n", 2)[:2])
    return not is_plain or name.encode() in data


def _imported(root: Path, path: str) -> frozenset[str]:
    names: set[str] = set()
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
        # As above: what does not parse is another one's to say.
        return ()


def _import_root(root: Path, name: PurePosixPath, is_imported: IsImported) -> str:
    if not name.parts or (root / name).is_file():
        return name.parent.as_posix()
    if not (root / name / "__init__.py").exists() and _is_container(root / name, is_imported):
        return name.as_posix()
    above = name.parent
    while above.parts and ((root / above / "__init__.py").exists() or is_imported(above.name)):
        above = above.parent
    return above.as_posix()


def _is_container(folder: Path, is_imported: IsImported) -> bool:
    if is_imported(folder.name):
        return False
    return (
        folder.name in CONTAINERS
        or not folder.name.isidentifier()
        or any(each.suffix == ".py" and is_imported(each.stem) for each in folder.iterdir())
    )


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
