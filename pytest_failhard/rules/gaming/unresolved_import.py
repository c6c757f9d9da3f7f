"""FH712: an import of something that does not exist."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import imports as data
from pytest_failhard.rules.importing import Wanted, decoded, encoded, wanted
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.source.installed import Installed, Location
from pytest_failhard.source.namespace import OPEN, REGISTERED, Names, Namespaces, joined

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.rules.tree import Tree
    from pytest_failhard.source.index import Index
    from pytest_failhard.source.module import Module

CANDIDATES = "candidates"
STARS = 12
"""So many star imports are followed one behind the other."""


class UnresolvedImport(StaticRule):
    """A name or a submodule is imported that its module does not have.

    Finds:
        In product code, against the project's own interpreter and the project itself: a name taken from a
        module of the standard library, of an installed distribution or of the project that does not define
        it; a submodule that is not there; an attribute of a module of the standard library that does not
        exist. Also `importlib.import_module` of a certain text.
    Why:
        The function that sounds right was never written. The line fails when it is reached, in a branch
        that no test enters.
    Subs:
        - `unknown-attribute`: a module of the standard library does not have the name.
        - `unknown-submodule`: a module, or a name in a module of anybody else, does not exist.
    Bad:
        # file: app/service.py
        from contextlib import timeout
    Good:
        # file: app/service.py
        from contextlib import suppress
    Exempt:
        A top-level module that resolves nowhere: the gate `dependencies` reports it. Imports under an
        exception handler, `TYPE_CHECKING` or a test of platform or version; modules with `__getattr__` or
        that change their own names; folders of distributions without `__init__`; compiled modules without a
        stub; modules that a build writes (`_version`, `_pb2`).
    Evasions:
        `importlib.import_module("json.fast")`, `json.parse`. Not seen: a module that only tests have, since
        what the product imports is product.
    Measured:
        23 verdicts: 21 true, 2 false and exempt since (in-sample). Now 76 hits in 9 of 42 projects. Of
        the 14,000 names that 245 importable modules really have, it misses those that only running adds.
    """

    code = "FH712"
    name = "unresolved-import"
    gate = "integrity"
    family = "gaming"
    subs = ("unknown-attribute", "unknown-submodule")
    roles = EVERY
    tree = True

    def over(self, module: Module) -> Iterable[Hit]:
        """Return one note of what the file needs: only `check` knows what is installed."""
        needs = list(wanted(module)) if module.role == "product" else []
        if needs:
            yield self.hit(module, ast.Module([], []), "", "", details={CANDIDATES: encoded(needs)})

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return nothing: the notes are no findings."""
        del hits, index, options
        return ()


def check(tree: Tree) -> Iterator[Hit]:
    """Yield what the product needs and cannot have; raises GateError where there is no interpreter."""
    notes = [hit for hit in tree.scan.hits if hit.code == UnresolvedImport.code]
    needs = {note.path: decoded(note.details[CANDIDATES]) for note in notes}
    resolver = _Resolver(tree, {need.module for each in needs.values() for need in each if not need.level})
    for path, wanted_there in needs.items():
        # Several names of one module that does not exist are one hit.
        yield from {
            hit.canonical: hit for need in wanted_there for hit in resolver.missing(path, need)
        }.values()


class _Resolver:
    """Looks for modules and names among the installed packages and in the project."""

    def __init__(self, tree: Tree, named: Iterable[str]) -> None:
        self._installed = Installed(tree.interpreter)
        self._namespaces = Namespaces()
        self._own = _Own(tree, named)
        self._had: dict[tuple[str, str], bool] = {}
        self._names: dict[Location, Names] = {}

    def missing(self, path: str, need: Wanted) -> Iterator[Hit]:
        """Yield the hit of a need that cannot be met."""
        dotted = self._own.absolute(path, need)
        if not self._is_judged(dotted, need, path):
            return
        places = self._places(dotted)
        if not places:
            if not need.is_attribute and not self._may_hold(dotted):
                yield _hit(path, replace(need, name=""), f"there is no module {dotted}", "unknown-submodule")
            return
        standard = all(place.is_standard for place in places)
        if not need.name or (need.is_attribute and not standard) or self._has(dotted, need.name):
            return
        near = self._like(dotted, need)
        message = f"{dotted} has no `{need.name}`" + (f"; it has {near}" if near else "")
        yield _hit(path, need, message, "unknown-attribute" if standard else "unknown-submodule")

    def _is_judged(self, dotted: str, need: Wanted, path: str) -> bool:
        """Tell whether a module is one whose absence is ours to report."""
        if not dotted or data.GENERATED.search(dotted) or data.GENERATED.search(need.name):
            return False
        top = dotted.partition(".")[0]
        return need.level > 0 or bool(self._installed.find(top)) or self._own.is_known(top, path)

    def _places(self, dotted: str) -> tuple[Location, ...]:
        return (*self._installed.find(dotted), *self._own.find(dotted))

    def _may_hold(self, dotted: str) -> bool:
        """Tell whether a module above may bring one that no file shows."""
        above = dotted.rpartition(".")[0]
        while above:
            places = self._places(above)
            if any(map(self._may_add, places)):
                return True
            if any(place.files and place.folder is None for place in places):
                # `os.path` is a name of the module `os`.
                return self._has(above, dotted[len(above) + 1 :].partition(".")[0])
            above = above.rpartition(".")[0]
        return False

    def _may_add(self, place: Location) -> bool:
        registered = any(REGISTERED in self._namespaces.text(file) for file in place.files)
        return registered or self._is_unknown(place) or self._names_of(place).is_open

    def _has(self, dotted: str, name: str) -> bool:
        key = (dotted, name)
        if key not in self._had:
            self._had[key] = self._looked_up(dotted, name)
        return self._had[key]

    def _looked_up(self, dotted: str, name: str) -> bool:
        places = self._places(dotted)
        if any(self._is_unknown(place) for place in places):
            return True
        if any(self._namespaces.has(file, name) for place in places for file in place.files):
            return True
        if any(found.is_open or name in found.own for found in map(self._names_of, places)):
            return True
        return bool(self._places(f"{dotted}.{name}"))

    def _is_unknown(self, place: Location) -> bool:
        return place.is_compiled or (place.is_namespace and not self._own.holds(place))

    def _names_of(self, place: Location, depth: int = 0) -> Names:
        if depth > STARS:
            return OPEN
        if place not in self._names:
            found = [self._namespaces.of(file) for file in place.files]
            self._names[place] = joined(found, lambda star: self._brought(place, star, depth))
        return self._names[place]

    def _brought(self, place: Location, star: tuple[int, str], depth: int) -> Names:
        """Return the names of the module that a star import takes."""
        level, module = star
        targets = self._relative(place, level, module) if level else self._places(module)
        if not targets or any(self._is_unknown(each) for each in targets):
            return OPEN
        names = [self._names_of(each, depth + 1) for each in targets]
        return joined(names, lambda _: OPEN)

    def _relative(self, place: Location, level: int, module: str) -> tuple[Location, ...]:
        from pytest_failhard.source.installed import located

        folder = place.folder or place.files[0].parent
        for _ in range(level - 1):
            folder = folder.parent
        *above, name = module.split(".")
        targets = located(folder.joinpath(*above), name, is_standard=place.is_standard) if name else ()
        return tuple(targets)

    def _like(self, dotted: str, need: Wanted) -> str:
        known = sorted({name for place in self._places(dotted) for name in self._names_of(place).own})
        near = difflib.get_close_matches(need.name, known, n=data.SHOWN, cutoff=data.SIMILAR)
        return ", ".join(near)


class _Own:
    """The project's modules. Whoever asks whether one exists is told so wherever it lies."""

    def __init__(self, tree: Tree, named: Iterable[str]) -> None:
        self._root = tree.root
        self._by_tail: dict[str, list[Location]] = {}
        self._folders: set[Path] = set()
        for file in tree.files:
            self._add(file.path)
        tops = set(_tops(tree))
        # A folder without `__init__` may only share its name with a distribution that is not installed.
        used = {name.partition(".")[0] for name in named if "." in name and name in self._by_tail}
        self._tops = frozenset(top for top in tops if top in used or self._is_regular(top))

    def _is_regular(self, top: str) -> bool:
        return any(not place.is_namespace for place in self.find(top))

    def _add(self, path: str) -> None:
        file = self._root / path
        place = Location(files=(file,), folder=file.parent if file.name == "__init__.py" else None)
        parts = list(PurePosixPath(path).with_suffix("").parts)
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        for start in range(len(parts)):
            self._by_tail.setdefault(".".join(parts[start:]), []).append(place)
        for above in PurePosixPath(path).parents[:-1]:
            if self._root / above not in self._folders:
                self._folders.add(self._root / above)
                names = above.parts
                space = Location(folder=self._root / above, is_namespace=True)
                if not (self._root / above / "__init__.py").is_file():
                    for start in range(len(names)):
                        self._by_tail.setdefault(".".join(names[start:]), []).append(space)

    def find(self, dotted: str) -> tuple[Location, ...]:
        """Return the files and folders whose path ends like a dotted name."""
        return tuple(self._by_tail.get(dotted, ()))

    def holds(self, place: Location) -> bool:
        """Tell whether a folder belongs to the project."""
        return place.folder in self._folders

    def is_known(self, top: str, path: str) -> bool:
        """Tell whether a file sees a top-level module of the project: from a root, or beside itself."""
        beside = (self._root / path).parent
        if top in self._tops or (beside / "__init__.py").is_file():
            return top in self._tops
        return beside / f"{top}.py" != self._root / path and (beside / f"{top}.py").is_file()

    def absolute(self, path: str, need: Wanted) -> str:
        """Return the dotted name of what is needed; of a relative one as far as the root tells."""
        if not need.level:
            return need.module
        package = list(PurePosixPath(path).parent.parts)
        if need.level - 1 >= len(package):
            return ""
        above = package[: len(package) - (need.level - 1)]
        return ".".join([*above, *([need.module] if need.module else [])])


def _tops(tree: Tree) -> Iterator[str]:
    """Yield the names that lie at the project's import roots."""
    folders = (each for each in tree.source if not (tree.root / each / "__init__.py").is_file())
    roots = {".", "src", *(PurePosixPath(each).parent.as_posix() for each in tree.source), *folders}
    for file in tree.files:
        for root in roots:
            if root == "." or file.path.startswith(f"{root}/"):
                below = file.path if root == "." else file.path[len(root) + 1 :]
                yield below.partition("/")[0].removesuffix(".py")


def _hit(path: str, need: Wanted, message: str, sub: str) -> Hit:
    asked = ".".join(part for part in (need.module, need.name) if part)
    return Hit(
        path=path,
        line=need.line,
        code=UnresolvedImport.code,
        name=UnresolvedImport.name,
        sub=sub,
        qualname="",
        message=message,
        fix="import what exists, or write it",
        canonical=f"import {'.' * need.level}{asked}",
    )
