"""Reads what the page shows beside the report: kept evidence, and source around each finding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_failhard.report.html.exhibits import CONTEXT, Exhibits, is_drawn
from pytest_failhard.source.text_files import decode

if TYPE_CHECKING:
    from pytest_failhard.model import Finding, Report, Result
    from pytest_failhard.redact import Redactor
    from pytest_failhard.store import Staging

MAX_EVIDENCE_BYTES = 16 * 1024 * 1024
MAX_FILE_BYTES = 1024 * 1024
MAX_FILES = 1000
SHOWN_SUFFIXES = frozenset(
    {".cfg", ".ini", ".json", ".md", ".py", ".pyi", ".rst", ".sh", ".toml", ".yaml", ".yml", ".dockerfile"}
)
SHOWN_NAMES = frozenset({"Dockerfile", "Makefile"})
"""Files that are written to be read; one that holds settings of a machine (`.env`) is not shown."""
SECRET_GATES = frozenset({"secrets"})
SECRET_RULES = ("FH001", "FH002", "FH003", "B105", "B106", "B107")
"""A finding of these says that a secret stands in its line."""
HIDDEN = "(not shown: a finding says that a secret stands in this line)"


@dataclass
class _Read:
    """Reads files of the tree, and counts what it leaves out."""

    root: Path
    redactor: Redactor
    left_out: list[str] = field(default_factory=list)

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file without secrets, none where it is not to be shown."""
        try:
            place = _inside(self.root, path)
            if place is None or place.stat().st_size > MAX_FILE_BYTES:
                return []
            text = decode(place.read_bytes())
        except OSError as error:
            self.left_out.append(f"source of {path}: {error.strerror}")
            return []
        cleaned = self.redactor.text(text)
        if cleaned.count("\n") != text.count("\n"):
            self.left_out.append(f"source of {path}: a secret over several lines stands in it")
            return []
        return cleaned.split("\n")


def _inside(root: Path, path: str) -> Path | None:
    """Return where a file really is, None for one that is not in the real tree or not to be shown."""
    name = PurePosixPath(path)
    if "\0" in path or not (name.suffix.lower() in SHOWN_SUFFIXES or name.name in SHOWN_NAMES):
        return None
    place = Path(os.path.realpath(root / path))
    return place if place.is_relative_to(root) and place.is_file() else None


def gather(report: Report, staging: Staging, root: Path, redactor: Redactor) -> Exhibits:
    """Return what is shown beside a report; raises StoreError where evidence is not what was kept.

    Of the source only the lines around a finding are taken, redacted as a whole file; no line in which a
    finding says that a secret stands.
    """
    reading = _Read(Path(os.path.realpath(root)), redactor)
    evidence = {
        (result.gate, kept.name): staging.kept(result.gate, kept)
        for result in report.results
        for kept in result.evidence
        if is_drawn(result.gate, kept.name)
    }
    large = {place for place, data in evidence.items() if len(data) > MAX_EVIDENCE_BYTES}
    reading.left_out += [
        f"evidence/{gate}/{name}: larger than {MAX_EVIDENCE_BYTES >> 20} MiB" for gate, name in sorted(large)
    ]
    return Exhibits(
        # Once more: an SBOM is kept with its contacts, and nobody needs them on a page.
        evidence={place: redactor.data(data) for place, data in evidence.items() if place not in large},
        source=_source(report, reading),
        left_out=tuple(reading.left_out),
        clean=redactor.value,
    )


def _source(report: Report, reading: _Read) -> Mapping[str, Mapping[int, str]]:
    meant: dict[str, set[int]] = {}
    for _, finding in _placed(report.results):
        meant.setdefault(finding.path, set()).add(finding.line)
    secret = {(each.path, each.line) for gate, each in _placed(report.results) if _is_secret(gate, each)}
    if len(meant) > MAX_FILES:
        reading.left_out.append(f"source of {len(meant) - MAX_FILES} files: {MAX_FILES} are read")
    source: dict[str, Mapping[int, str]] = {}
    for path in sorted(meant)[:MAX_FILES]:
        lines = reading.lines(path)
        around = {near for line in meant[path] for near in range(line - CONTEXT, line + CONTEXT + 1)}
        source[path] = {
            number: HIDDEN if (path, number) in secret else lines[number - 1]
            for number in sorted(around)
            if 0 < number <= len(lines)
        }
    return source


def _placed(results: Iterable[Result]) -> Iterator[tuple[str, Finding]]:
    """Yield every finding that names a line, the waived and frozen ones too, with its gate."""
    for result in results:
        for finding in (*result.findings, *result.baselined, *(each.finding for each in result.waived)):
            if finding.path and finding.line:
                yield result.gate, finding


def _is_secret(gate: str, finding: Finding) -> bool:
    return gate in SECRET_GATES or finding.rule.startswith(SECRET_RULES)
