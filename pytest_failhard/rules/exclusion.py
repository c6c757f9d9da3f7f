"""Applies what a project says of its own paths: which are not judged, and which have another role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from pytest_failhard.model import Finding, Option, Severity
from pytest_failhard.rules.options import texts
from pytest_failhard.source.files import SourceFile
from pytest_failhard.source.globs import matches

Role = Literal["product", "test", "example", "script"]
CONFIG = "pyproject.toml"
CONFTEST = "conftest.py"
EXCLUDE, ROLES = "exclude", "roles"


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Globs of files that no rule reads, and globs of files with their roles; the first that fits holds."""

    exclude: tuple[str, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()


ALL = Paths()


def paths(exclude: tuple[str, ...], roles: Mapping[str, Role]) -> Paths:
    """Return the two options of a gate as one."""
    return Paths(exclude=exclude, roles=tuple(roles.items()))


def of_options(options: Mapping[str, Option]) -> Paths:
    """Return the same of a gate's settings by name; a gate without them judges every file."""
    roles = options.get(ROLES)
    given = {glob: str(role) for glob, role in roles.items()} if isinstance(roles, dict) else {}
    return Paths(exclude=tuple(texts(options, EXCLUDE)), roles=tuple(given.items()))


def is_excluded(path: str, terms: Paths) -> bool:
    """Tell whether no rule judges a file. What every test process runs is judged in any case."""
    return PurePosixPath(path).name != CONFTEST and any(matches(path, glob) for glob in terms.exclude)


def findings(gate: str, terms: Paths, files: tuple[SourceFile, ...]) -> Iterator[Finding]:
    """Yield what the options let through, so that every report says it; and the entries that mean nothing."""
    for glob in terms.exclude:
        count = sum(matches(file.path, glob) for file in files if is_excluded(file.path, terms))
        if count:
            yield _told(gate, EXCLUDE, glob, f"{count} files are not judged: {glob}")
        else:
            yield _unmatched(gate, EXCLUDE, glob)
    for glob, role in terms.roles:
        meant = [file for file in files if matches(file.path, glob)]
        kept = sum(file.role != role for file in meant)
        if meant:
            more = f"; {kept} of them keep theirs, because product code imports them" if kept else ""
            yield _told(gate, ROLES, glob, f"{len(meant)} files have the role {role}: {glob}{more}")
        else:
            yield _unmatched(gate, ROLES, glob)


def _told(gate: str, option: str, glob: str, message: str) -> Finding:
    return Finding(
        rule=f"paths-{option}",
        name=f"paths-{option}",
        path=CONFIG,
        line=0,
        severity=Severity.LOW,
        message=message,
        fix=f"none needed; without the entry in [tool.failhard.{gate}] {option} they are judged as any other",
        anchor=glob,
    )


def _unmatched(gate: str, option: str, glob: str) -> Finding:
    return Finding(
        rule="unmatched-option",
        name="unmatched-option",
        path=CONFIG,
        line=0,
        severity=Severity.MEDIUM,
        message=f"{glob} in [tool.failhard.{gate}] {option} matches no file",
        fix="remove the entry, or correct it",
        anchor=f"{option} {glob}",
    )
