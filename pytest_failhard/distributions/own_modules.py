"""Tells which imports a project's own files answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from pytest_failhard.source.files import SourceFile, role
from pytest_failhard.source.import_roots import roots_of

NO = ""
CERTAIN = "certain"
"""A module or package at a folder from which Python imports: it comes before anything installed."""
BESIDE = "beside"
"""A neighbour inside a package, or a folder without `__init__`: an installed one comes first."""


class OwnModules:
    """The project's modules and packages, by the folder that holds them.

    `files` are all it has, `named` the top-level names that the product imports.
    """

    def __init__(
        self, root: Path, source: Sequence[str], files: Iterable[SourceFile], named: frozenset[str]
    ) -> None:
        self._modules: set[str] = set()
        self._packages: set[str] = set()
        self._folders: set[str] = set()
        self._by_name: dict[str, set[str]] = {}
        known = tuple(files)
        for file in known:
            self._add(file)
        self._roots = tuple(dict.fromkeys([*roots_of(root, source, named), ".", "src"]))
        self._test_roots = tuple(sorted({_parent(file.path) for file in known} - self._packages))
        self._names = frozenset(PurePosixPath(place).name for place in self._modules | self._folders)

    def _add(self, file: SourceFile) -> None:
        pure = PurePosixPath(file.path)
        if pure.parent.as_posix() not in self._folders:
            self._folders.update(above.as_posix() for above in pure.parents)
        place = pure.with_suffix("")
        if pure.stem == "__init__":
            place = pure.parent
            self._packages.add(place.as_posix())
        self._modules.add(place.as_posix())
        self._by_name.setdefault(place.name, set()).add(file.path)

    def answers(self, file: SourceFile, module: str, name: str = "") -> str:
        """Say whether an import in a file finds a module of the project: NO, CERTAIN or BESIDE."""
        best = NO
        for base in self._bases(file) if module.partition(".")[0] in self._names else ():
            found = self._found(base, module, name, file.path)
            if found == CERTAIN and base not in self._packages:
                return CERTAIN
            best = best or (BESIDE if found else NO)
        return best

    def has_anywhere(self, file: SourceFile, top: str) -> bool:
        """Tell whether any file of the tree but this one makes a module of this name.

        Code that changes the search path finds it. What lies among examples answers no product.
        """
        others = self._by_name.get(top, set()) - {file.path}
        return any(file.role != "product" or role(path) != "example" for path in others)

    def _bases(self, file: SourceFile) -> Iterator[str]:
        yield from self._roots
        yield from (above.as_posix() for above in PurePosixPath(file.path).parents)
        if file.role != "product":
            yield from self._test_roots

    def _found(self, base: str, module: str, name: str, asking: str) -> str:
        parts = [*module.split("."), *([name] if name else [])]
        place = base
        for part in parts:
            place = part if place == "." else f"{place}/{part}"
            if place in self._modules:
                # A file that is called like what it imports does not mean itself.
                return NO if asking == f"{place}.py" else CERTAIN
            if place not in self._folders:
                return NO
        return BESIDE


def _parent(path: str) -> str:
    return PurePosixPath(path).parent.as_posix()
