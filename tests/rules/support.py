"""Runs the rules over snippets in memory, as a gate does over a tree."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping

from pytest_failhard.model import Option
from pytest_failhard.rules.scan import Scan, scan_sources
from pytest_failhard.rules.unit import Hit
from pytest_failhard.source.files import SourceFile, role
from pytest_failhard.source.metadata import Metadata

PATH = "app/service.py"


def scanned(files: Mapping[str, str | bytes], declared: frozenset[str] = frozenset()) -> Scan:
    """Return the scan of files given by path; the role is decided by the path, nothing is promoted."""
    sources = (
        (SourceFile(path=path, role=role(path)), _reader(text)) for path, text in sorted(files.items())
    )
    return scan_sources(sources, Metadata(dependencies=declared))


def _reader(text: str | bytes) -> Callable[[], bytes]:
    data = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
    return lambda: data


def hits(
    source: str | Mapping[str, str | bytes],
    code: str,
    options: Mapping[str, Option] | None = None,
    declared: frozenset[str] = frozenset(),
) -> list[Hit]:
    """Return what one rule says of a snippet (`app/service.py`) or of several files, options applied.

    `declared` are the distributions that the project says it needs.
    """
    scan = scanned({PATH: source} if isinstance(source, str) else source, declared)
    assert not scan.unreadable, scan.unreadable
    mine = [hit for hit in scan.hits if hit.code == code]
    return sorted(scan.rules[code].settle(mine, scan.index, options or {}))


def subs(
    source: str | Mapping[str, str | bytes],
    code: str,
    options: Mapping[str, Option] | None = None,
    declared: frozenset[str] = frozenset(),
) -> list[str]:
    """Return the subs of what one rule says, in the order of the lines; `""` for a rule of one form."""
    found = hits(source, code, options, declared)
    return [hit.sub for hit in sorted(found, key=lambda hit: (hit.path, hit.line))]
