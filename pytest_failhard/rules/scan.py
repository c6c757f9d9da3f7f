"""Runs all rules over the files of a project, and remembers what is asked for again."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.rules import recalled
from pytest_failhard.rules.exclusion import ALL, Paths, is_excluded
from pytest_failhard.rules.limits import Limits
from pytest_failhard.rules.looking import Look, reader
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.files import SourceFile
from pytest_failhard.source.index import FileFacts, Index
from pytest_failhard.source.listing import python_files
from pytest_failhard.source.metadata import NOTHING, Metadata, metadata

KEPT_SCANS = 2
DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What the rules found before any option was looked at.

    `unreadable` names each file that could not be read: its path, a sub of FH000, and why.
    """

    rules: Mapping[str, StaticRule]
    """Code -> the instance that made the hits; `settle` belongs to it."""
    hits: tuple[Hit, ...]
    index: Index
    unreadable: tuple[str, ...]
    excluded: frozenset[str] = frozenset()
    """Paths of files that are known and not judged."""
    by_file: ByFile = field(default_factory=functools.partial(ByFile, recalled.KIND), compare=False)
    """What stands in the files one by one, for a later scan; nothing where nobody asked for it."""

    @property
    def files(self) -> tuple[FileFacts, ...]:
        """The files that are judged."""
        return tuple(facts for facts in self.index.files if facts.path not in self.excluded)

    @functools.cached_property
    def left(self) -> bytes:
        """What the scan of a later run may be given as `earlier`."""
        return self.by_file.dump()


def scan(
    root: Path,
    files: Sequence[SourceFile],
    said: Metadata = NOTHING,
    limits: Limits = DEFAULT_LIMITS,
    earlier: bytes | None = None,
) -> Scan:
    """Read each file once and return what stands in it.

    The last scans are remembered as long as no file has changed: three gates ask for the same one. `earlier`
    is what the scan of another run knew of files: those whose bytes are the same are not looked at again.
    """
    key = (root, tuple(files), said, limits, tuple(_state(root, file.path) for file in files))
    with _LOCK:
        if key not in _SCANS:
            while len(_SCANS) >= KEPT_SCANS:
                _SCANS.pop(next(iter(_SCANS)))
            sources = ((file, reader(root, file.path)) for file in files)
            _SCANS[key] = scan_sources(sources, said, limits, ByFile(recalled.KIND, earlier))
        return _SCANS[key]


def scan_project(
    root: Path,
    source: tuple[str, ...],
    tests: tuple[str, ...],
    limits: Limits = DEFAULT_LIMITS,
    paths: Paths = ALL,
    earlier: bytes | None = None,
) -> Scan:
    """Return the scan of a project's Python files, the same for every gate that asks.

    Those of other projects among its examples are left out. An excluded file is read all the same, so
    that others are judged by what it holds; of the file itself nothing is said.
    """
    files = python_files(root, source, tests, paths.roles).files
    whole = scan(root, files, metadata(root), limits, earlier)
    excluded = frozenset(file.path for file in files if is_excluded(file.path, paths))
    if not excluded:
        return whole
    return dataclasses.replace(
        whole,
        hits=tuple(hit for hit in whole.hits if hit.path not in excluded),
        unreadable=tuple(each for each in whole.unreadable if each.partition(": ")[0] not in excluded),
        excluded=excluded,
    )


_LOCK = threading.Lock()
_SCANS: dict[object, Scan] = {}


def _state(root: Path, path: str) -> tuple[int, int]:
    try:
        state = (root / path).stat()
    except OSError:
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)


def scan_sources(
    sources: Iterable[tuple[SourceFile, Callable[[], bytes]]],
    said: Metadata = NOTHING,
    limits: Limits = DEFAULT_LIMITS,
    by_file: ByFile | None = None,
) -> Scan:
    """Return what stands in sources, each given with what reads its bytes.

    `said` is what the project says of itself. What `by_file` knows of a file is taken from there.
    """
    look = Look(said.requires_python, limits, by_file)
    known: list[FileFacts] = []
    hits: list[Hit] = []
    unreadable: list[str] = []
    for file, read in sources:
        found = look.at(file, read)
        if isinstance(found, str):
            unreadable.append(f"{file.path}: {found}")
            continue
        hits += found.hits
        known.append(found.facts)
        if found.problem:
            unreadable.append(f"{file.path}: {found.problem}")
    return Scan(
        rules=look.rules,
        hits=numbered(sorted(hits, key=_place)),
        index=Index(known, said),
        unreadable=tuple(unreadable),
        by_file=by_file if by_file is not None else ByFile(recalled.KIND),
    )


def _place(hit: Hit) -> tuple[str, int, str, str, str, str]:
    """Return what hits are sorted by: all that tells two of one scan apart."""
    return (hit.path, hit.line, hit.code, hit.sub, hit.canonical, hit.message)


def numbered(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Return the hits in order; equal ones in one scope are told apart by `#2`, `#3` behind their code."""
    seen: dict[tuple[str, str, str, str], int] = {}
    told: list[Hit] = []
    for hit in hits:
        key = (hit.name, hit.path, hit.qualname, hit.canonical)
        seen[key] = seen.get(key, 0) + 1
        told.append(
            hit if seen[key] == 1 else dataclasses.replace(hit, canonical=f"{hit.canonical}#{seen[key]}")
        )
    return tuple(told)
