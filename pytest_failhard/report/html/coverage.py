"""Coverage by file, from the evidence of the gate `coverage`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.html.reading import Loose, whole

MAX_FILES = 1000
MAX_RANGES = 40
NAMES = {
    "line_percent": "Lines",
    "branch_percent": "Branches",
    "except_line_percent": "Lines in except bodies",
    "changed_line_percent": "Changed lines",
    "changed_branch_percent": "Changed branches",
}


class _File(Loose):
    statements: tuple[int, ...]
    missing_lines: tuple[int, ...]
    missing_branches: tuple[tuple[int, int], ...]
    branches: int
    changed_lines: tuple[int, ...] = ()


class _Document(Loose):
    counts: dict[str, str]
    facts: Mapping[str, str] = {}
    files: dict[str, _File]


@dataclass(frozen=True, kw_only=True)
class Share:
    """How much of something ran; `note` says what else is known of it."""

    name: str
    covered: int
    total: int
    note: str = ""

    @property
    def percent(self) -> str:
        """Return the percentage, cut off, so that it never looks better than it is; nothing of nothing."""
        return f"{10_000 * self.covered // self.total / 100:.2f}" if self.total else ""


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of the product."""

    path: str
    lines: Share
    branches: Share
    missing: str
    """The line ranges that did not run."""
    changed: Share


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """All files, the one with the most missing lines first; `total` counts those not shown too."""

    shares: tuple[Share, ...]
    files: tuple[File, ...]
    total: int


def read(exhibits: Exhibits) -> Coverage | None:
    """Return what was measured, None where there is no such evidence; raises UnreadableError."""
    data = exhibits.of("coverage", "coverage.json")
    if data is None:
        return None
    document = whole(_Document, data)
    files = [_file(path, file) for path, file in document.files.items() if file.statements]
    files.sort(key=lambda file: (file.lines.covered - file.lines.total, file.path))
    return Coverage(
        shares=tuple(
            _share(NAMES.get(name, name), counts, document.facts.get(name, ""))
            for name, counts in sorted(document.counts.items(), key=_place)
        ),
        files=tuple(files[:MAX_FILES]),
        total=len(files),
    )


def ranges(missing: Sequence[int], statements: Sequence[int]) -> str:
    """Return line ranges; a range goes on over lines without a statement, not over one that ran."""
    order = {line: place for place, line in enumerate(sorted(statements))}
    lines = sorted(missing)
    starts = [0, *(place for place, pair in enumerate(pairwise(lines), 1) if not _adjoin(order, *pair))]
    groups = [lines[start:end] for start, end in pairwise([*starts, len(lines)]) if lines]
    named = [f"{group[0]}" if len(group) == 1 else f"{group[0]}-{group[-1]}" for group in groups]
    more = [f"and {len(named) - MAX_RANGES} more"] if len(named) > MAX_RANGES else []
    return ", ".join([*named[:MAX_RANGES], *more])


def _adjoin(order: dict[int, int], left: int, right: int) -> bool:
    return left in order and right in order and order[right] - order[left] == 1


def _file(path: str, file: _File) -> File:
    missing = set(file.missing_lines)
    changed = set(file.changed_lines)
    return File(
        path=path,
        lines=_of("lines", len(file.statements), len(missing)),
        branches=_of("branches", file.branches, len(file.missing_branches)),
        missing=ranges(file.missing_lines, file.statements),
        changed=_of("changed", len(changed), len(changed & missing)),
    )


def _of(name: str, total: int, missing: int) -> Share:
    return Share(name=name, covered=total - missing, total=total)


def _share(name: str, counts: str, note: str) -> Share:
    covered, _, total = counts.partition("/")
    known = covered.isdecimal() and total.isdecimal()
    return Share(name=name, covered=int(covered) if known else 0, total=int(total) if known else 0, note=note)


def _place(item: tuple[str, str]) -> tuple[int, str]:
    names = [*NAMES]
    return (names.index(item[0]) if item[0] in names else len(names)), item[0]
