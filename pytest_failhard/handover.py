"""Gives a hidden coverage collector what its own configuration would have made it see."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coverage import Coverage, CoverageData


class Sight:
    """What a hidden collector would have seen, by its own configuration."""

    def __init__(self, hidden: Coverage) -> None:
        from coverage import files
        from coverage.exceptions import CoverageWarning

        self.follows_processes = "subprocess" in _option(hidden, "run:patch")
        self._branch = bool(hidden.get_option("run:branch"))
        with warnings.catch_warnings():
            # It has no data yet, since we measured for it: no cause to warn.
            warnings.simplefilter("ignore", CoverageWarning)
            self._data = hidden.get_data()
        self._folders, self._packages = _sources(hidden)
        self._namespaces = bool(hidden.get_option("report:include_namespace_packages"))
        trees = [*self._folders, *self._packages]
        include = _option(hidden, "run:include")
        self._inside = files.TreeMatcher(trees, "source") if _has_source(hidden) else None
        self._include = files.GlobMatcher(files.prep_patterns(include), "include") if include else None
        self._omit = files.GlobMatcher(files.prep_patterns(_option(hidden, "run:omit")), "omit")
        self._seen = False

    def _sees(self, path: str) -> bool:
        if self._inside is not None:
            wanted = self._inside.match(path)
        else:
            wanted = self._include is None or self._include.match(path)
        return wanted and not self._omit.match(path)

    def add(self, ours: CoverageData) -> None:
        """Hand over the lines or branches of the files that it sees, context by context."""
        ours.set_query_contexts(None)
        names = sorted(name for name in ours.measured_files() if self._sees(name) and ours.arcs(name))
        self._seen = self._seen or bool(names)
        for context in sorted(ours.measured_contexts()) if names else ():
            ours.set_query_context(context)
            self._data.set_context(context)
            if self._branch:
                self._data.add_arcs({name: arcs for name in names if (arcs := ours.arcs(name))})
            else:
                self._data.add_lines({name: lines for name in names if (lines := ours.lines(name))})
        ours.set_query_contexts(None)
        self._data.set_context(None)
        if names:
            # A file may have run without a line of it: an empty one.
            self._data.touch_files(names)

    def touch(self) -> None:
        """Name the files that never ran: a collector does so itself only where it saw anything."""
        from coverage.files import canonical_filename, find_python_files

        if not self._seen:
            return
        found = {
            canonical_filename(name)
            for folder in [*self._folders, *self._packages]
            for name in find_python_files(folder, self._namespaces)
        }
        self._data.touch_files([name for name in sorted(found) if not self._omit.match(name)])


def widen(ours: Coverage, hidden: Coverage) -> None:
    """Let our collector see what the hidden one would have seen, beside the product."""
    include = _option(hidden, "run:include")
    product = _option(ours, "run:source")
    if _has_source(hidden):
        sources = [_absolute(name) for name in _option(hidden, "run:source")]
        ours.set_option("run:source", sorted({*product, *sources, *_option(hidden, "run:source_dirs")}))
        ours.set_option("run:source_pkgs", _option(hidden, "run:source_pkgs"))
    else:
        ours.set_option("run:source", None)
        product_files = [f"{folder}/*" for folder in product]
        ours.set_option("run:include", [*include, *product_files] if include else [])


def _option(coverage: Coverage, name: str) -> list[str]:
    value = coverage.get_option(name)
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []


def _has_source(coverage: Coverage) -> bool:
    return any(_option(coverage, name) for name in ("run:source", "run:source_pkgs", "run:source_dirs"))


def _sources(coverage: Coverage) -> tuple[list[str], list[str]]:
    """Return the folders that a collector measures, and where its packages are, if imported."""
    sources = _option(coverage, "run:source")
    folders = [str(Path(name).resolve()) for name in sources if Path(name).is_dir()]
    folders += [str(Path(name).resolve()) for name in _option(coverage, "run:source_dirs")]
    packages = [name for name in sources if not Path(name).is_dir()]
    packages += _option(coverage, "run:source_pkgs")
    return folders, [place for name in packages for place in _places(name)]


def _places(package: str) -> list[str]:
    """Return a package's folders or a module's file; a module never imported has run nothing."""
    module = sys.modules.get(package)
    if module is None or module.__spec__ is None:
        return []
    places = module.__spec__.submodule_search_locations
    if places is not None:
        return [str(Path(place).resolve()) for place in places]
    origin = module.__spec__.origin
    return [str(Path(origin).resolve())] if origin is not None else []


def _absolute(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).is_dir() else name
