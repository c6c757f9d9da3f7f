"""Tells which installed distribution brings a module, by the longest dotted name that one of them has."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pytest_failhard.distributions.installed import Distribution

SUFFIXES = (".py", ".so", ".pyd")
PACKAGE = "__init__"
EDITABLE = "__editable__"
"""So begins what setuptools puts in the place of a distribution that is installed without a copy."""
_NOBODY: frozenset[str] = frozenset()


class Modules:
    """The modules of all installed distributions. `paths` are the search folders of the target."""

    def __init__(self, installed: Mapping[str, Distribution], paths: Sequence[Path] = ()) -> None:
        self._installed = installed
        self._paths = tuple(paths)
        self._tops: dict[str, set[str]] = {}
        self._whole: dict[str, set[str]] = {}
        """Top-level module -> who has it as a file or a package with `__init__`: all below it is theirs."""
        self._deep: dict[str, tuple[dict[str, set[str]], dict[str, set[str]]]] = {}
        self._strays: dict[str, Path | None] = {}
        for name, distribution in installed.items():
            self._add(name, distribution)

    def _add(self, name: str, distribution: Distribution) -> None:
        is_found = False
        for path in _files(distribution):
            top, inside, rest = path.partition("/")
            if not inside:
                top = path.partition(".")[0]
            if top.isidentifier() and not top.startswith(EDITABLE):
                is_found = True
                self._tops.setdefault(top, set()).add(name)
                if not inside or rest.partition(".")[0] == PACKAGE:
                    self._whole.setdefault(top, set()).add(name)
        for top in () if is_found else _top_level(distribution):
            self._tops.setdefault(top, set()).add(name)
            self._whole.setdefault(top, set()).add(name)

    def providers(self, dotted: str) -> frozenset[str]:
        """Return the canonical names of the distributions that bring a module, none where nobody does."""
        top = dotted.partition(".")[0]
        if not self.is_shared(top):
            return frozenset(self._tops.get(top, _NOBODY))
        modules, folders = self._below(top)
        if dotted in folders:
            return frozenset(folders[dotted] | modules.get(dotted, set()))
        prefix = dotted
        while prefix:
            if prefix in modules:
                return frozenset(modules[prefix])
            prefix = prefix.rpartition(".")[0]
        return _NOBODY

    def prefix(self, dotted: str) -> str:
        """Return as much of a dotted name as tells whose the module is, or that it is nobody's."""
        top = dotted.partition(".")[0]
        if not self.is_shared(top):
            return top
        modules, folders = self._below(top)
        parts = dotted.split(".")
        for count in range(1, len(parts)):
            above = ".".join(parts[:count])
            if above in modules or above not in folders:
                return above
        return dotted

    def is_shared(self, top: str) -> bool:
        """Tell whether a top-level name alone does not say whose a module is, as `google`."""
        having = self._tops.get(top, set())
        return bool(having) and (len(having) > 1 or having != self._whole.get(top))

    def of(self, name: str) -> frozenset[str]:
        """Return the top-level modules that a distribution brings."""
        return frozenset(top for top, having in self._tops.items() if name in having)

    def _below(self, top: str) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """Return who has each module below a name that several share, and each folder without `__init__`."""
        if top not in self._deep:
            modules: dict[str, set[str]] = {}
            folders: dict[str, set[str]] = {}
            for name in self._tops[top]:
                mine = {_dotted(path) for path in _files(self._installed[name]) if _is_below(path, top)}
                mine |= {top} if name in self._whole.get(top, _NOBODY) else set()
                for dotted in mine:
                    modules.setdefault(dotted, set()).add(name)
                for folder in {above for dotted in mine for above in _above(dotted)} - mine:
                    folders.setdefault(folder, set()).add(name)
            self._deep[top] = (modules, folders)
        return self._deep[top]

    def stray(self, top: str) -> Path | None:
        """Return the search folder of the target that has a module which no RECORD names."""
        if top not in self._strays:
            self._strays[top] = next((folder for folder in self._paths if _holds(folder, top)), None)
        return self._strays[top]

    def editable(self, folder: Path) -> frozenset[str]:
        """Return the distributions that are installed from a folder above this one, without a copy."""
        return frozenset(
            name for name, source in self._sources.items() if folder == source or source in folder.parents
        )

    @functools.cached_property
    def _sources(self) -> Mapping[str, Path]:
        found = {name: _source(each) for name, each in self._installed.items() if each.is_editable}
        return {name: folder for name, folder in found.items() if folder is not None}


def _files(distribution: Distribution) -> Iterator[str]:
    for file in distribution.files:
        if file.path.endswith(SUFFIXES) and not file.path.startswith(("..", "/")):
            yield file.path


def _top_level(distribution: Distribution) -> Iterable[str]:
    path = distribution.folder / "top_level.txt"
    if not path.is_file():
        return ()
    return [line.strip() for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]


def _is_below(path: str, top: str) -> bool:
    return path.startswith(f"{top}/") or path.partition(".")[0] == top


def _dotted(path: str) -> str:
    pure = PurePosixPath(path)
    stem = pure.name.partition(".")[0]
    return ".".join(pure.parent.parts if stem == PACKAGE else (*pure.parent.parts, stem))


def _above(dotted: str) -> Iterator[str]:
    above = dotted.rpartition(".")[0]
    while above:
        yield above
        above = above.rpartition(".")[0]


def _holds(folder: Path, top: str) -> bool:
    if (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file():
        return True
    return any(path.name.endswith(SUFFIXES) for path in folder.glob(f"{top}.*"))


def _source(distribution: Distribution) -> Path | None:
    """Return the folder that an editable distribution is installed from."""
    url = distribution.direct_url.get("url")
    return Path(unquote(urlsplit(url).path)) if isinstance(url, str) and url.startswith("file:") else None
