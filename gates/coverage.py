"""Coverage: the tests run the product's lines, branches and error handlers.

Why:
    A line that no test runs is a claim. Generated systems come with tests of the sunny path: the handler
    of the failed payment is there, is never entered, and raises NameError on the day it is needed. A
    total hides that, and configuration (`omit`, `exclude_lines`, `# pragma: no cover`) empties it.

Fails when:
    A measure is below the level's floor: `line_percent`, `branch_percent`, `changed_line_percent`,
    `changed_branch_percent` (against the merge base), `except_line_percent`, `statements`; or
    `no_cover_pragmas` is above its ceiling. Measured with our own configuration in every process of the
    test run; a file that nobody imported counts with all its lines. Outside the count stand only the
    bodies of `if TYPE_CHECKING:`, stubs of `...` and `raise NotImplementedError`. The rules
    `uncovered-file`, `uncovered-changed-lines` and `uncovered-except` name the places, worst first.

Fix:
    Write tests for the first file that is named; its missing lines stand in the message. For an
    `except` body let the test raise what it catches.

Waive:
    A measure, where the level allows, by a waiver that states the lowest accepted `value`, with an
    owner, a reason why these lines cannot be tested yet, and an end. Missing or partial data is an
    error and cannot be waived.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard import model
from pytest_failhard.model import Finding, GateError, Observation, Run, Settings, Severity, Tool
from pytest_failhard.source import files
from pytest_failhard.source.comments import comments
from pytest_failhard.source.structure import Structure

if TYPE_CHECKING:
    from coverage import CoverageData

COVERAGE = Tool(module="coverage", distribution="coverage", lowest="7.13.1")
PRAGMA = re.compile(r"#\s*pragma[:\s]?\s*no\s*cover", re.IGNORECASE)
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
FORMAT = 3
NOTHING = "0 of 0 counts as 100"


@dataclass(frozen=True, kw_only=True)
class CoverageSettings(Settings):
    """No options: what is measured and what stands outside the count is the same everywhere."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of how many."""

    covered: int
    total: int

    @property
    def percent(self) -> Fraction:
        """Return the exact percentage; of nothing it is 100, and the evidence says so."""
        return Fraction(100 * self.covered, self.total) if self.total else Fraction(100)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What one product file has and what the tests ran of it. Statements are named by their first line.

    `branches` are pairs of lines, from and to, the ways out of lines with more than one.
    """

    path: str
    statements: frozenset[int]
    missing: frozenset[int]
    branches: frozenset[tuple[int, int]]
    missing_branches: frozenset[tuple[int, int]]
    handlers: frozenset[int]
    """The statements inside `except` bodies."""
    changed: frozenset[int]
    """The statements that the merge base lacks."""

    def lines(self, of: frozenset[int]) -> Share:
        """Return the share of some of the statements."""
        return Share(covered=len(of - self.missing), total=len(of))

    def ways(self, of: frozenset[int]) -> Share:
        """Return the share of the branches that start on some of the statements."""
        chosen = {branch for branch in self.branches if branch[0] in of}
        return Share(covered=len(chosen - self.missing_branches), total=len(chosen))


class CoverageGate:
    """Counts, from data of our own measurement, which part of the product the tests ran."""

    id = "coverage"
    phase = model.Phase.TESTS
    settings = CoverageSettings

    def observe(self, run: Run) -> Observation:
        """Return the shares of lines and branches; raises GateError for missing or partial data."""
        tool = run.tool(COVERAGE)
        project = files.read(run.root, run.source, run.test_roots)
        project.require_readable()
        places = _places(run.root, project)
        raw = _report(run, _data_files(run.tests), places)
        changed = run.base.changed_lines() if run.base is not None else {}
        sheets = [
            _sheet(run.root, path, _table(raw, real), changed.get(path) or changed.get(own) or frozenset())
            for real, (path, own) in places.items()
        ]
        statements = sum(len(sheet.statements) for sheet in sheets)
        if not statements:
            raise GateError(
                f"{', '.join(run.source)}: no executable statement in {len(sheets)} product files; "
                "correct `source` in [tool.failhard]"
            )
        shares = _shares(sheets, with_base=run.base is not None)
        pragmas = sum(
            PRAGMA.search(item.text) is not None
            for sheet in sheets
            for item in comments(run.root, sheet.path)
        )
        facts = _facts(run, shares)
        evidence = run.keep("coverage.json", _evidence(tool, sheets, shares, facts))
        return Observation(
            tool=tool,
            examined=statements,
            findings=tuple(_findings(sheets)),
            measures={
                **{name: share.percent for name, share in shares.items()},
                "statements": statements,
                "no_cover_pragmas": pragmas,
            },
            evidence=(evidence,),
        )


def _places(root: Path, project: files.Project) -> dict[Path, tuple[str, str]]:
    """Return every product file once by its real path, as coverage knows it, with its names in the tree."""
    base = root.resolve()
    places: dict[Path, tuple[str, str]] = {}
    for file in project.product:
        real = (root / file.path).resolve()
        own = real.relative_to(base).as_posix() if real.is_relative_to(base) else file.path
        places.setdefault(real, (file.path, own))
    return places


def _data_files(tests: model.TestRun) -> list[Path]:
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


def _report(run: Run, found: Iterable[Path], places: Iterable[Path]) -> Mapping[str, object]:
    """Combine copies of the data and return coverage's own JSON report of the product files."""
    import coverage
    from coverage.exceptions import CoverageException

    rcfile, combined, outfile = (run.scratch / name for name in ("rcfile", "combined", "report.json"))
    rcfile.write_text(RCFILE, "utf-8")
    copies = run.scratch / "data"
    copies.mkdir()
    paths = [Path(shutil.copyfile(path, copies / path.name)) for path in found]
    with warnings.catch_warnings():
        # What coverage warns of is proven below, or refused.
        warnings.simplefilter("ignore")
        # Python 3.13 warns of a database that nobody closed.
        with contextlib.closing(coverage.CoverageData(basename=str(combined))) as total:
            for path in filter(_is_data, paths):
                _add(path, total)
            has_branches = total.has_arcs()
        if not has_branches:
            raise GateError("the coverage data holds no branches: it is not of our measurement; run again")
        measured = coverage.Coverage(data_file=str(combined), config_file=str(rcfile))
        measured.load()
        try:
            measured.json_report(morfs=[str(path) for path in places], outfile=str(outfile))
        except CoverageException as error:
            raise GateError(f"coverage cannot report: {error}; see the product file that it names") from None
        finally:
            measured.get_data().close()
    return _parsed(outfile, {str(path) for path in places})


def _add(path: Path, total: CoverageData) -> None:
    import coverage
    from coverage.exceptions import CoverageException

    with contextlib.closing(coverage.CoverageData(basename=str(path))) as part:
        try:
            part.read()
            total.update(part)
        except CoverageException:
            raise GateError(f"coverage data file {path.name} is damaged; run the tests again") from None


def _parsed(outfile: Path, wanted: set[str]) -> Mapping[str, object]:
    try:
        report = json.loads(outfile.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise GateError(f"coverage's JSON report cannot be read: {error}") from None
    if not isinstance(report, dict) or _table(report, "meta").get("format") != FORMAT:
        raise GateError(f"coverage's JSON report is not of format {FORMAT}; install a coverage that is")
    # Coverage names files relative to the working directory.
    found = {str(Path.cwd() / name): table for name, table in _table(report, "files").items()}
    lost = sorted(Path(name).name for name in wanted - set(found))
    if lost:
        raise GateError(f"coverage did not report {', '.join(lost)}; see its version and these files")
    return found


def _table(table: Mapping[str, object], key: str | Path) -> Mapping[str, object]:
    value = table.get(str(key))
    if not isinstance(value, dict):
        raise GateError(f"coverage's JSON report lacks {Path(key).name}; install a supported coverage")
    return value


def _numbers(table: Mapping[str, object], key: str) -> frozenset[int]:
    value = table.get(key)
    if not isinstance(value, list) or not all(isinstance(item, int) for item in value):
        raise GateError(f"coverage's JSON report lacks {key}; install a supported coverage")
    return frozenset(value)


def _pairs(table: Mapping[str, object], key: str) -> frozenset[tuple[int, int]]:
    match table.get(key):
        case list(found) if all(type(each) is list and [*map(type, each)] == [int, int] for each in found):
            return frozenset((start, end) for start, end in found)
    raise GateError(f"coverage's JSON report lacks {key}; install a supported coverage")


def _sheet(root: Path, path: str, table: Mapping[str, object], changed: frozenset[int]) -> Sheet:
    structure = Structure.of(files.parse(root, path))
    missing, executed = _numbers(table, "missing_lines"), _numbers(table, "executed_lines")
    if structure.executable and not missing | executed:
        raise GateError(f"{path}: coverage counts no statement in it, its syntax tree has some; report this")
    outside = structure.outside
    statements = (missing | executed) - outside
    missing_branches = _pairs(table, "missing_branches")
    branches = _counted(missing_branches | _pairs(table, "executed_branches"), structure)
    return Sheet(
        path=path,
        statements=statements,
        missing=missing & statements,
        branches=branches,
        missing_branches=missing_branches & branches,
        handlers=structure.handlers & statements,
        changed=frozenset(structure.first.get(line, line) for line in changed) & statements,
    )


def _counted(branches: frozenset[tuple[int, int]], structure: Structure) -> frozenset[tuple[int, int]]:
    """Leave out what starts or ends outside the count, then lines with one way left."""
    kept = [
        (start, end)
        for start, end in branches
        if start not in structure.stubs and not structure.outside.intersection((start, end))
    ]
    ways = Counter(start for start, _ in kept)
    return frozenset(branch for branch in kept if ways[branch[0]] > 1)


def _sum(shares: Iterable[Share]) -> Share:
    known = list(shares)
    return Share(covered=sum(share.covered for share in known), total=sum(share.total for share in known))


def _shares(sheets: list[Sheet], *, with_base: bool) -> dict[str, Share]:
    shares = {
        "line_percent": _sum(sheet.lines(sheet.statements) for sheet in sheets),
        "branch_percent": _sum(sheet.ways(sheet.statements) for sheet in sheets),
        "except_line_percent": _sum(sheet.lines(sheet.handlers) for sheet in sheets),
    }
    if with_base:
        shares["changed_line_percent"] = _sum(sheet.lines(sheet.changed) for sheet in sheets)
        shares["changed_branch_percent"] = _sum(sheet.ways(sheet.changed) for sheet in sheets)
    return shares


def _facts(run: Run, shares: Mapping[str, Share]) -> dict[str, str]:
    facts = {name: NOTHING for name, share in shares.items() if not share.total}
    if run.base is None:
        facts["changed_line_percent"] = facts["changed_branch_percent"] = f"not measured: {run.base_missing}"
    else:
        facts["base"] = run.base.chosen
    return facts


def _evidence(
    tool: str, sheets: Iterable[Sheet], shares: Mapping[str, Share], facts: Mapping[str, str]
) -> bytes:
    document = {
        "tool": tool,
        "facts": facts,
        "counts": {name: f"{share.covered}/{share.total}" for name, share in shares.items()},
        "files": {
            sheet.path: {
                "statements": sorted(sheet.statements),
                "missing_lines": sorted(sheet.missing),
                "missing_branches": sorted(sheet.missing_branches),
                "branches": len(sheet.branches),
                "except_lines": sorted(sheet.handlers),
                "changed_lines": sorted(sheet.changed),
            }
            for sheet in sheets
        },
    }
    return (json.dumps(document, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _findings(sheets: list[Sheet]) -> Iterator[Finding]:
    yield from _named(sheets, "uncovered-file", lambda sheet: sheet.statements, "lines", "the missing lines")
    yield from _named(
        sheets, "uncovered-changed-lines", lambda sheet: sheet.changed, "changed lines", "what was changed"
    )
    yield from _named(
        sheets,
        "uncovered-except",
        lambda sheet: sheet.handlers,
        "lines in `except` bodies",
        "the failures that these handlers catch",
    )


def _named(
    sheets: Iterable[Sheet], name: str, of: Callable[[Sheet], frozenset[int]], what: str, target: str
) -> Iterator[Finding]:
    """Yield a finding for each file with missing lines, the file with the most of them first."""
    bad = [(sheet, of(sheet) & sheet.missing) for sheet in sheets]
    for sheet, missing in sorted(bad, key=lambda item: (-len(item[1]), item[0].path)):
        if not missing:
            continue
        share = sheet.lines(of(sheet))
        yield Finding(
            rule=name,
            name=name,
            path=sheet.path,
            line=min(missing),
            severity=Severity.MEDIUM,
            message=f"{len(missing)} of {share.total} {what} not run "
            f"({_shown(share)} % run): {_ranges(sheet, missing)}",
            fix=f"add tests that run {target}",
            anchor=name,
        )


def _shown(share: Share) -> str:
    """Return the percentage with two decimals, cut off, so that it never looks better than it is."""
    return f"{(10000 * share.covered // share.total) / 100:.2f}"


def _ranges(sheet: Sheet, missing: frozenset[int]) -> str:
    """Return line ranges; a range goes on over lines without a statement, not over one that ran."""
    ranges: list[list[int]] = []
    for line in sorted(sheet.statements):
        if line not in missing:
            ranges.append([])
        elif ranges and ranges[-1]:
            ranges[-1].append(line)
        else:
            ranges.append([line])
    return ", ".join(
        str(found[0]) if len(found) == 1 else f"{found[0]}-{found[-1]}" for found in ranges if found
    )
