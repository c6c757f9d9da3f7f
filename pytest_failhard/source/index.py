"""What the files of a project say of one another: classes and their bases, imports, names used."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_failhard.source import cases, checks
from pytest_failhard.source.allows import of_module
from pytest_failhard.source.classes import NEUTRAL_BASES, ClassFacts, body, classes, is_trivial
from pytest_failhard.source.metadata import NOTHING, Metadata
from pytest_failhard.source.module import HOPS
from pytest_failhard.source.usage import imported, used

if TYPE_CHECKING:
    from pytest_failhard.source.allows import Allow
    from pytest_failhard.source.module import Module
    from pytest_failhard.source.suppressions import Suppression

__all__ = ["ClassFacts", "FileFacts", "Index", "body", "facts", "is_trivial"]
STAR = "*"
_CODE_LINE = re.compile(rb"\n[ \t\v\f]*[^\s#]")


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """What one file adds to the index. It holds no tree."""

    path: str
    role: str
    module: str
    imports: frozenset[str]
    """Dotted names of modules and of what is taken from them; `package.*` for a star."""
    classes: tuple[ClassFacts, ...]
    used: frozenset[str]
    """Names read at run time, outside of what defines them and outside of the main guard."""
    code_lines: int
    """Lines that are neither blank nor a comment alone."""
    tests: int = 0
    assertions: int = 0
    """What the tests of the file check, by number."""
    checking: frozenset[str] = frozenset()
    """Helpers, fixtures and tests of a test file that check something."""
    cases: frozenset[int] = frozenset()
    """Hashes of the literals that a test file compares, alone and in pairs."""
    suppressions: tuple[Suppression, ...] = ()
    allows: tuple[Allow, ...] = ()


class Index:
    """The facts of all files, joined. Work grows with the files and their lines, never with their square."""

    def __init__(self, files: Sequence[FileFacts], metadata: Metadata = NOTHING) -> None:
        self.files = tuple(files)
        self.metadata = metadata
        self.by_path: Mapping[str, FileFacts] = {each.path: each for each in files}
        self.by_module: Mapping[str, FileFacts] = {each.module: each for each in files}
        self.classes: Mapping[str, ClassFacts] = {
            each.dotted: each for known in files for each in known.classes
        }
        self._defined_below: dict[str, frozenset[str]] = {}

    @functools.cached_property
    def _by_tail(self) -> Mapping[str, ClassFacts]:
        """Every dotted tail of a class's name, of two parts or more -> the first class that has it."""
        found: dict[str, ClassFacts] = {}
        for each in self.classes.values():
            parts = each.dotted.split(".")
            for start in range(len(parts) - 1):
                found.setdefault(".".join(parts[start:]), each)
        return found

    @functools.cached_property
    def _exports(self) -> Mapping[str, Mapping[str, str]]:
        """Module -> last name -> the dotted name that the module imported it under."""
        return {
            each.module: {dotted.rpartition(".")[2]: dotted for dotted in sorted(each.imports)}
            for each in self.files
        }

    def find_class(self, dotted: str, module: str = "") -> ClassFacts | None:
        """Return the project's class of a dotted name, as it is named in a module.

        A name is tried as it stands, in the module and in the packages around it (`app.base.Base` is
        found below `backend/`, too), through star imports and re-exports, last by its tail. None for a
        class of somebody else.
        """
        return self._find_class(dotted, module, HOPS)

    def _find_class(self, dotted: str, module: str, hops: int) -> ClassFacts | None:
        for near in _nearby(dotted, module):
            if near in self.classes:
                return self.classes[near]
        package, _, name = dotted.rpartition(".")
        if not hops:
            return None
        if not package:
            stars = [each for each in self._imports(module) if each.endswith(f".{STAR}")]
            return self._first(stars, name, module, hops)
        for near in _nearby(package, module):
            again = self._exports.get(near, {}).get(name)
            if again is not None and again != dotted:
                return self._find_class(again, near, hops - 1)
        return self._by_tail.get(dotted)

    def _imports(self, module: str) -> Iterable[str]:
        known = self.by_module.get(module)
        return sorted(known.imports) if known else ()

    def _first(self, stars: Iterable[str], name: str, module: str, hops: int) -> ClassFacts | None:
        found = (self._find_class(star[: -len(STAR)] + name, module, hops - 1) for star in stars)
        return next((each for each in found if each is not None), None)

    @functools.cached_property
    def _parents(self) -> Mapping[str, tuple[ClassFacts | None, ...]]:
        """Class -> its direct bases, None for one of somebody else; those that bring nothing left out."""
        return {
            known.dotted: tuple(
                self.find_class(base, known.module) for base in known.bases if base not in NEUTRAL_BASES
            )
            for known in self.classes.values()
        }

    def bases(self, known: ClassFacts) -> Iterator[ClassFacts]:
        """Yield the project's classes above one, nearest first, each once."""
        seen = {known.dotted}
        work = [known]
        for each in work:
            for above in self._parents.get(each.dotted, ()):
                if above is not None and above.dotted not in seen:
                    seen.add(above.dotted)
                    work.append(above)
                    yield above

    def has_external_base(self, known: ClassFacts) -> bool:
        """Tell whether a class or one above it derives from a class that the project does not define."""
        return any(None in self._parents.get(each.dotted, ()) for each in (known, *self.bases(known)))

    def subclasses(self, known: ClassFacts) -> Sequence[ClassFacts]:
        """Return all project classes below one, however far."""
        return self._below.get(known.dotted, ())

    @functools.cached_property
    def _below(self) -> Mapping[str, list[ClassFacts]]:
        found: dict[str, list[ClassFacts]] = {}
        for each in self.classes.values():
            for above in self.bases(each):
                found.setdefault(above.dotted, []).append(each)
        return found

    def is_overridden(self, known: ClassFacts, method: str) -> bool:
        """Tell whether a class below defines the method."""
        if known.dotted not in self._defined_below:
            below = self.subclasses(known)
            self._defined_below[known.dotted] = frozenset().union(*(each.methods for each in below))
        return method in self._defined_below[known.dotted]

    @functools.cached_property
    def referenced(self) -> frozenset[str]:
        """The names that product code reads at run time, outside of what defines them."""
        return frozenset().union(*(each.used for each in self.files if each.role == "product"))

    @functools.cached_property
    def _importers(self) -> Mapping[str, str]:
        """Dotted name -> the first product file that imports it."""
        found: dict[str, str] = {}
        for each in self.files:
            if each.role == "product":
                for dotted in each.imports:
                    found.setdefault(dotted, each.path)
        return found

    def importer(self, path: str) -> str:
        """Return the first product file that imports a file by its whole name, empty where there is none."""
        known = self.by_path.get(path)
        found = self._importers.get(known.module, "") if known else ""
        return "" if found == path else found

    def find_module(self, dotted: str, path: str) -> FileFacts | None:
        """Return the project's file that an absolute import in another file loads, None for none."""
        folders = [".".join(each.parts) for each in PurePosixPath(path).parents]
        found = (self.by_module.get(f"{folder}.{dotted}".lstrip(".")) for folder in folders)
        return next((each for each in found if each is not None), None)


def _nearby(dotted: str, module: str) -> Iterator[str]:
    """Yield a dotted name as it stands, below a module and, if it has a dot, below the packages around."""
    yield dotted
    if module:
        yield f"{module}.{dotted}"
    while "." in dotted and "." in module:
        module = module.rpartition(".")[0]
        yield f"{module}.{dotted}"


def facts(module: Module) -> FileFacts:
    """Return what a file adds to the index."""
    tests = checks.written_tests(module)
    return FileFacts(
        path=module.path,
        role=module.role,
        module=module.name,
        imports=frozenset(imported(module)),
        classes=tuple(classes(module)),
        used=used(module),
        code_lines=_code_lines(module.data),
        tests=len(tests),
        assertions=sum(len(test.checks) for test in tests),
        checking=checks.checking(module) if module.role == "test" else frozenset(),
        cases=cases.written(module) if module.role == "test" else frozenset(),
        suppressions=module.suppressions,
        allows=of_module(module),
    )


def _code_lines(data: bytes) -> int:
    return len(_CODE_LINE.findall(b"\n" + data.replace(b"\r", b"\n")))
