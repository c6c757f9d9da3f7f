"""The data that the tests left: put together, asked for what ran of a file, and reported by coverage."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import coverage
from coverage.exceptions import CoverageException

from pytest_failhard.gates.coverage.reading import parsed
from pytest_failhard.model import GateError, Run, TestRun

# `(?!)` matches nowhere: neither coverage's default exclusions nor a comment may take a line away. What
# stands outside the count is found in the syntax tree, where no comment and no string can imitate it.
RCFILE = """\
[run]
branch = true
[report]
exclude_lines = (?!)
partial_branches = (?!)
include_namespace_packages = true
"""
ALONE = 250
"""So many files take a process about as long as it takes to start a few more."""


class Measured:
    """Combined data of a test run. Raises GateError where they are missing, partial or damaged."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._rcfile, self._combined = (run.scratch / name for name in ("rcfile", "combined"))
        self._rcfile.write_text(RCFILE, "utf-8")
        copies = run.scratch / "data"
        copies.mkdir()
        paths = [Path(shutil.copyfile(path, copies / path.name)) for path in _data_files(run.tests)]
        parts = [*filter(_is_data, paths)]
        for first in parts[:1]:
            _begin(first.rename(self._combined), first.name)
        with self._data() as total:
            # First of all: data that were not read are thrown away by what is added to them.
            total.read()
            for path in parts[1:]:
                _add(path, total)
            has_branches = total.has_arcs()
            has_any = has_branches and any(map(total.arcs, total.measured_files()))
        if not has_branches:
            raise GateError("the coverage data holds no branches: it is not of our measurement; run again")
        if not has_any:
            raise GateError(
                "the coverage data says that nothing of the product ran: a test or a conftest stopped the "
                "measuring, or none of them imports the product; find which"
            )

    def ran(self, places: Iterable[Path]) -> dict[Path, bytes]:
        """Return what ran of each file, as bytes that are equal where the same ran."""
        with self._data() as total:
            total.read()
            found = {place: total.arcs(str(place)) for place in places}
        return {
            place: json.dumps(None if arcs is None else sorted(arcs)).encode()
            for place, arcs in found.items()
        }

    def report(self, places: Iterable[Path]) -> Mapping[str, object]:
        """Return coverage's own JSON report of these files, by their absolute paths."""
        names = sorted(map(str, places))
        parts = min(os.cpu_count() or 1, math.ceil(len(names) / ALONE))
        shares = [names[part::parts] for part in range(parts)]
        found: dict[str, object] = {}
        with ThreadPoolExecutor(max(parts, 1)) as pool:
            for share in pool.map(self._reported, range(parts), shares):
                found |= share
        return found

    def _reported(self, number: int, names: Sequence[str]) -> Mapping[str, object]:
        outfile = self._run.scratch / f"report-{number}.json"
        options = (f"--data-file={self._combined}", f"--rcfile={self._rcfile}", "-o", str(outfile))
        # How many files are asked for depends on what an earlier run left: a report must not.
        done = self._run.python(
            *("coverage", "json", "--quiet", *options, *names), ok=frozenset({0, 1}), volatile=True
        )
        if done.returncode:
            said = (done.stdout or done.stderr).decode("utf-8", "replace").strip()
            raise GateError(f"coverage cannot report: {said}; see the product file that it names")
        return parsed(outfile, set(names))

    @contextlib.contextmanager
    def _data(self) -> Iterator[coverage.CoverageData]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Python 3.13 warns of a database that nobody closed.
            with contextlib.closing(coverage.CoverageData(basename=str(self._combined))) as total:
                yield total


def _data_files(tests: TestRun) -> list[Path]:
    if tests.lost_workers:
        raise GateError(
            f"the coverage data is partial: {', '.join(sorted(tests.lost_workers))} died; "
            "repair the test that ends its process"
        )
    folder = tests.coverage_data
    if folder is None or not folder.is_dir():
        raise GateError("no coverage was measured; let pytest-failhard start the tests")
    found = [path for path in sorted(folder.iterdir()) if path.is_file()]
    if not any(_is_data(path) for path in found):
        raise GateError("no coverage data: the test run ended before it was written; see the tests gate")
    return found


def _is_data(path: Path) -> bool:
    # SQLite's journal of an interrupted write lies beside its data and is no data itself. A process that
    # was killed while it wrote leaves an empty file: as killed a moment earlier, it says nothing ran.
    is_beside = path.name.endswith(("-journal", "-wal", "-shm"))
    return path.name.startswith("data.") and not is_beside and path.stat().st_size > 0


def _begin(path: Path, name: str) -> None:
    """Raise GateError for data to which nothing is added, so that nobody would read all of them."""
    with contextlib.closing(coverage.CoverageData(basename=str(path))) as whole, _undamaged(name):
        whole.read()
    with contextlib.closing(sqlite3.connect(path)) as database, _undamaged(name):
        if database.execute("pragma quick_check").fetchall() != [("ok",)]:
            raise sqlite3.DatabaseError


def _add(path: Path, total: coverage.CoverageData) -> None:
    with contextlib.closing(coverage.CoverageData(basename=str(path))) as part, _undamaged(path.name):
        part.read()
        total.update(part)


@contextlib.contextmanager
def _undamaged(name: str) -> Iterator[None]:
    try:
        yield
    except (CoverageException, sqlite3.DatabaseError):
        raise GateError(f"coverage data file {name} is damaged; run the tests again") from None
