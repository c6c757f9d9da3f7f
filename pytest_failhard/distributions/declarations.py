"""What a project declares: the types that the readers of its files fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.requirements import Requirement

RUNTIME = "runtime"
CONSTRAINT = "constraint"


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One requirement and its place. `scope` is `runtime`, `extra:<name>`, `group:<name>` or `constraint`.

    `requirement` is None where the text is none that PEP 508 knows. `line` counts from 1, 0 is unknown.
    """

    text: str
    requirement: Requirement | None
    path: str
    line: int
    scope: str = RUNTIME
    hashes: tuple[str, ...] = ()
    """The hashes that a line of a requirements file gives beside it, `sha256:...`."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """What `[project]` says, or the installed metadata where it is dynamic; empty where nothing does.

    `name` is canonical. `authors` and `maintainers` are (name, e-mail) pairs.
    """

    name: str = ""
    version: str = ""
    requires_python: str = ""
    licence: str = ""
    licence_files: tuple[str, ...] = ()
    authors: tuple[tuple[str, str], ...] = ()
    maintainers: tuple[tuple[str, str], ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Options:
    """A line of a requirements file that is an option: `--extra-index-url`, `--hash` apart."""

    text: str
    path: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Declared:
    """All declarations of a project.

    `roots` are those of the closure: the runtime ones, and the groups and extras that the project names.
    `others` are what is declared beside them (development groups, other extras). `source` names where the
    runtime ones stand (`pyproject.toml`, ...); `is_explicit` holds where an empty list was written down.
    `disagreeing` are names that stand in only one of two declarations of the same.
    """

    project: Project
    roots: tuple[Declaration, ...]
    others: tuple[Declaration, ...] = ()
    options: tuple[Options, ...] = ()
    source: str = ""
    is_explicit: bool = True
    disagreeing: tuple[str, ...] = ()
    constraints: tuple[Declaration, ...] = ()
    """What bounds the versions of members and demands nothing (`-c`)."""
    compiled: frozenset[str] = frozenset()
    """Those of `disagreeing` that only a file with nothing but `==` has: it may list what others need."""
    files: tuple[str, ...] = ()
    """The requirements files that were read, by `-r` and `-c` too."""
