"""What one product file has and what the tests ran of it, from coverage's report and the syntax tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pytest_failhard.gates.coverage.reading import numbers, pairs
from pytest_failhard.model import GateError
from pytest_failhard.source import files
from pytest_failhard.source.structure import Structure

Pairs = frozenset[tuple[int, int]]


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
    branches: Pairs
    missing_branches: Pairs
    handlers: frozenset[int]
    """The statements inside `except` bodies."""
    first: Mapping[int, int]
    """Each further line of a statement -> the line on which the statement begins."""
    pragmas: int
    """The comments that would take lines out of the count."""
    changed: frozenset[int] = frozenset()
    """The statements that the merge base lacks."""

    def lines(self, of: frozenset[int]) -> Share:
        """Return the share of some of the statements."""
        return Share(covered=len(of - self.missing), total=len(of))

    def ways(self, of: frozenset[int]) -> Share:
        """Return the share of the branches that start on some of the statements."""
        chosen = {branch for branch in self.branches if branch[0] in of}
        return Share(covered=len(chosen - self.missing_branches), total=len(chosen))

    def of_lines(self, changed: Iterable[int]) -> frozenset[int]:
        """Return the statements to which these lines belong."""
        return frozenset(self.first.get(line, line) for line in changed) & self.statements


def make(root: Path, path: str, table: Mapping[str, object], pragmas: int) -> Sheet:
    """Return the sheet of a file from its part of coverage's report; raises GateError where they differ."""
    structure = Structure.of(files.parse(root, path))
    missing, executed = numbers(table, "missing_lines"), numbers(table, "executed_lines")
    if structure.executable and not missing | executed:
        raise GateError(f"{path}: coverage counts no statement in it, its syntax tree has some; report this")
    statements = (missing | executed) - structure.outside
    missing_branches = pairs(table, "missing_branches")
    branches = _counted(missing_branches | pairs(table, "executed_branches"), structure)
    return Sheet(
        path=path,
        statements=statements,
        missing=missing & statements,
        branches=branches,
        missing_branches=missing_branches & branches,
        handlers=structure.handlers & statements,
        first={line: start for line, start in structure.first.items() if line != start},
        pragmas=pragmas,
    )


def _counted(branches: Pairs, structure: Structure) -> Pairs:
    """Leave out what starts or ends outside the count, then lines with one way left."""
    kept = [
        (start, end)
        for start, end in branches
        if start not in structure.stubs and not structure.outside.intersection((start, end))
    ]
    ways = Counter(start for start, _ in kept)
    return frozenset(branch for branch in kept if ways[branch[0]] > 1)


def dump(of: Sheet) -> list[object]:
    """Return a sheet as values that JSON holds, without its path and what was changed."""
    return [
        *(sorted(each) for each in (of.statements, of.missing, of.branches, of.missing_branches)),
        *(sorted(each) for each in (of.handlers, of.first.items())),
        of.pragmas,
    ]


def load(path: str, told: object) -> Sheet | None:
    """Read back what `dump` gave, None for anything else."""
    match told:
        case [list(statements), list(missing), list(ways), list(unused), list(handlers), list(first), int(n)]:
            return Sheet(
                path=path,
                statements=frozenset(statements),
                missing=frozenset(missing),
                branches=frozenset((start, end) for start, end in ways),
                missing_branches=frozenset((start, end) for start, end in unused),
                handlers=frozenset(handlers),
                first=dict(first),
                pragmas=n,
            )
        case _:
            return None
