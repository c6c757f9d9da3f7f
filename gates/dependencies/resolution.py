"""Finds out who answers each import: the standard library, the project, a distribution, or nobody."""

from __future__ import annotations

import enum
import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_failhard.distributions.data.names import GENERATED
from pytest_failhard.distributions.imports import Import
from pytest_failhard.distributions.modules import Modules
from pytest_failhard.distributions.own_modules import BESIDE, CERTAIN, OwnModules
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.source.files import SourceFile

LANDMARK = "os.py"


class Source(enum.Enum):
    """Who answers an import."""

    STANDARD = "standard library"
    OWN = "project"
    INSTALLED = "installed"
    STRAY = "on the path, of no distribution"
    NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """An import, who answers it, and which distributions that are, by canonical name."""

    wanted: Import
    source: Source
    module: str
    """The name under which it is reported: as much of it as tells whose it is."""
    providers: frozenset[str] = frozenset()


class Resolver:
    """Resolves the imports of one project. `running` gives the modules that its tests run on."""

    def __init__(self, root: Path, own: OwnModules, supply: Supply, running: Callable[[], Modules]) -> None:
        self._root = root
        self._own = own
        self._supply = supply
        self._modules = Modules(supply.installed, supply.target.paths)
        self._running = functools.cache(running)

    @property
    def modules(self) -> Modules:
        """The modules of what is installed for the target."""
        return self._modules

    def resolve(self, wanted: Import) -> Resolved:
        """Say who answers an import, in the order in which Python looks."""
        if wanted.top in self._supply.target.standard or wanted.top == "__main__":
            return _answered(wanted, Source.STANDARD)
        file = SourceFile(path=wanted.path, role=wanted.role)
        answer = self._own.answers(file, wanted.module, wanted.name)
        if answer == CERTAIN:
            return _answered(wanted, Source.OWN)
        providers = self._providers(wanted)
        if providers:
            return Resolved(
                wanted=wanted,
                source=Source.INSTALLED,
                providers=providers,
                module=self._modules.prefix(wanted.asked),
            )
        if answer == BESIDE:
            return _answered(wanted, Source.OWN)
        return self._elsewhere(wanted, file)

    def is_there(self, asked: str, like: Import) -> bool:
        """Tell whether a module could be imported in the place of an import."""
        wanted = Import(path=like.path, line=like.line, module=asked, role=like.role)
        return self.resolve(wanted).source is not Source.NOBODY

    def _providers(self, wanted: Import) -> frozenset[str]:
        found = self._modules.providers(wanted.asked)
        return found if found or wanted.role == "product" else self._running().providers(wanted.asked)

    def _elsewhere(self, wanted: Import, file: SourceFile) -> Resolved:
        folder = self._modules.stray(wanted.top)
        if folder is not None:
            return self._lying(wanted, folder)
        if self._own.has_anywhere(file, wanted.top) or GENERATED.search(wanted.asked):
            return _answered(wanted, Source.OWN)
        return Resolved(wanted=wanted, source=Source.NOBODY, module=self._modules.prefix(wanted.asked))

    def _lying(self, wanted: Import, folder: Path) -> Resolved:
        """Say whose a module is that no RECORD names."""
        # The environment may lie in the project's folder.
        if folder.is_relative_to(self._root) and not folder.is_relative_to(self._supply.target.prefix):
            return _answered(wanted, Source.OWN)
        if (folder / LANDMARK).is_file() or folder.name == "lib-dynload":
            return _answered(wanted, Source.STANDARD)
        providers = self._modules.editable(folder)
        source = Source.INSTALLED if providers else Source.STRAY
        return Resolved(wanted=wanted, source=source, providers=providers, module=wanted.top)


def _answered(wanted: Import, source: Source) -> Resolved:
    return Resolved(wanted=wanted, source=source, module=wanted.top)


def resolve(resolver: Resolver, imports: Iterable[Import]) -> tuple[Resolved, ...]:
    """Resolve imports in their order; what one file asks for twice is answered once."""
    known: dict[tuple[str, str], Resolved] = {}
    found: list[Resolved] = []
    for each in imports:
        key = (each.path, each.asked)
        if key not in known:
            known[key] = resolver.resolve(each)
        answer = known[key]
        found.append(answer if answer.wanted is each else replace(answer, wanted=each))
    return tuple(found)


def running(supply: Supply) -> Modules:
    """Return the modules of the interpreter that runs us, on which the tests of a project run too."""
    from pytest_failhard.distributions import installed

    folders = tuple(Path(path) for path in sys.path if path and Path(path).is_dir())
    if set(folders) <= set(supply.target.paths):
        return Modules({})
    return Modules(installed.read(replace(supply.target, paths=folders)), folders)
