"""Looks whether a project says under which licence it stands itself, and brings the text along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.distributions import spdx
from pytest_failhard.distributions.declared import Project

USUAL_FILES = ("LICEN[CS]E*", "COPYING*", "UNLICENSE*")
"""Where `license-files` names none."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """The project's own licence. `problem` says what is wrong with the expression, empty for nothing.

    `files` are the licence files found, relative to the root; `unmatched` the patterns that find none.
    """

    expression: str
    problem: str
    files: tuple[str, ...]
    unmatched: tuple[str, ...]


def read(root: Path, project: Project) -> Own:
    """Return what a project says of its own licence; any expression will do, `LicenseRef-...` too."""
    expression, problem = _expression(project.licence)
    found = {pattern: tuple(_matches(root, pattern)) for pattern in project.licence_files or USUAL_FILES}
    files = tuple(sorted({name for names in found.values() for name in names}))
    unmatched = tuple(pattern for pattern, names in found.items() if not names)
    if not project.licence_files:
        unmatched = unmatched[:1] if not files else ()
    return Own(expression=expression, problem=problem, files=files, unmatched=unmatched)


def _expression(text: str) -> tuple[str, str]:
    if not text.strip():
        return "", "the project does not say under which licence it stands"
    try:
        return spdx.canonical(text), ""
    except spdx.ExpressionError as error:
        return "", f"the project's licence {text!r} is no SPDX expression: {error}"


def _matches(root: Path, pattern: str) -> Iterator[str]:
    """Yield the files of a pattern that hold something; of one that leads nowhere or outside, none."""
    parts = Path(pattern).parts
    # `**` inside a name: one Python refuses it, the next takes it for `*`.
    if pattern.startswith("/") or ".." in parts or any("**" in part and part != "**" for part in parts):
        return
    try:
        paths = sorted(root.glob(pattern))
    except ValueError:
        return
    for path in paths:
        if path.is_file() and path.read_bytes().strip():
            yield path.relative_to(root).as_posix()
