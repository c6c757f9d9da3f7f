"""Gathers the sheets of all product files; an earlier one holds for the same bytes of which the same ran."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pytest_failhard.gates.coverage import sheets
from pytest_failhard.gates.coverage.measured import Measured
from pytest_failhard.gates.coverage.reading import table
from pytest_failhard.gates.coverage.sheets import Sheet
from pytest_failhard.model import Run
from pytest_failhard.source import files
from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.comments import count
from pytest_failhard.stamps import Stamp, stamp_of

PRAGMA = re.compile(r"#\s*pragma[:\s]?\s*no\s*cover", re.IGNORECASE)
KIND = "coverage/1"
"""Who remembers, and in which form."""
PARSED = "parsed"


class _Read(NamedTuple):
    """A file's bytes and its stamp before they were read; nothing of one that cannot be read."""

    data: bytes = b""
    stamp: Stamp | None = None


class Gathering:
    """The files as they were when it began, and what an earlier run knew of them."""

    def __init__(self, run: Run) -> None:
        self._project = files.read(run.root, run.source, run.test_roots)
        self._known = ByFile(KIND, run.recall())
        self._read = {file.path: _read(run.root / file.path) for file in self._project.files}
        self._tests = [file.path for file in self._project.tests if self._read[file.path].stamp is not None]
        self._parsed = {path for path in self._tests if self._known.find(path, self._read[path].data)}
        self._places = _places(run.root, self._project)

    def sheets(self, run: Run) -> list[Sheet]:
        """Return a sheet for each product file; raises GateError for missing or partial data."""
        self._refresh(run.root)
        measured = Measured(run)
        bound = {self._places[real][0]: ran for real, ran in measured.ran(self._places).items()}
        bound = {
            path: _bound(self._read[path].data, ran) for path, ran in bound.items() if self._read[path].stamp
        }
        recalled = {path: sheets.load(path, self._known.find(path, each)) for path, each in bound.items()}
        found = {path: sheet for path, sheet in recalled.items() if sheet is not None}
        self._project.require_readable(self._parsed | set(found))
        left = {real: path for real, (path, _) in self._places.items() if path not in found}
        made = _reported(run, measured, left)
        for path in {*made, *self._tests} - self._parsed:
            # Whatever was written since, the answer may be about.
            if _read(run.root / path) == self._read[path]:
                answer = sheets.dump(made[path]) if path in made else PARSED
                self._known.keep(path, bound.get(path, self._read[path].data), answer)
        run.remember(self._known.dump())
        changed = run.base.changed_lines() if run.base is not None else {}
        return _with_changes(changed, self._places, {**found, **made})

    def _refresh(self, root: Path) -> None:
        """Read what was written since once more: while the tests ran, a file may have been another one."""
        for path, each in self._read.items():
            if _stamp(root / path) != each.stamp:
                self._read[path] = _read(root / path)
                self._parsed.discard(path)


def _reported(run: Run, measured: Measured, left: Mapping[Path, str]) -> dict[str, Sheet]:
    """Return the sheets of these files, as coverage reports them."""
    raw = measured.report(left)
    return {
        path: sheets.make(run.root, path, table(raw, real), count(run.root, path, PRAGMA))
        for real, path in left.items()
    }


def _with_changes(
    changed: Mapping[str, frozenset[int]],
    places: Mapping[Path, tuple[str, str]],
    found: Mapping[str, Sheet],
) -> list[Sheet]:
    return [
        replace(found[path], changed=found[path].of_lines(changed.get(path) or changed.get(own) or ()))
        for path, own in places.values()
    ]


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_of(path.stat())
    except OSError:
        return None


def _read(path: Path) -> _Read:
    """Return what a file holds; whoever parses one that cannot be read says so."""
    try:
        stamp = stamp_of(path.stat())
        return _Read(path.read_bytes(), stamp)
    except OSError:
        return _Read()


def _bound(data: bytes, ran: bytes) -> bytes:
    """Return all that a sheet depends on."""
    return b"%d\n%b%b" % (len(data), data, ran)


def _places(root: Path, project: files.Project) -> dict[Path, tuple[str, str]]:
    """Return every product file once by its real path, as coverage knows it, with its names in the tree."""
    base = root.resolve()
    places: dict[Path, tuple[str, str]] = {}
    for file in project.product:
        real = (root / file.path).resolve()
        own = real.relative_to(base).as_posix() if real.is_relative_to(base) else file.path
        places.setdefault(real, (file.path, own))
    return places
