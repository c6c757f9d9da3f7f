"""Reads requirements files: what they require and constrain, and the options they give to pip."""

from __future__ import annotations

import importlib
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from pytest_failhard.distributions.declarations import CONSTRAINT, RUNTIME, Declaration, Options
from pytest_failhard.distributions.pinned import logical_lines

DEFAULT = "requirements.txt"
PATTERNS = ("requirements*.txt", "requirements/*.txt")
NESTED = re.compile(r"-(?:r|c|e|-requirement|-constraint|-editable)\b")
_OPTIONS = re.compile(r"\s--(?:hash|global-option|install-option|config-settings?)\b.*$", re.DOTALL)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Link(Protocol):
    """Where a requirement is fetched from."""

    @property
    def url(self) -> str:
        """The address or path, as it is written."""


class Line(Protocol):
    """A line of a requirements file, as pip_requirements_parser gives it."""

    @property
    def line(self) -> str:
        """What stands there, continued lines joined."""

    @property
    def line_number(self) -> int:
        """Where it begins, from 1."""


class RequirementLine(Line, Protocol):
    """A line that requires something. `req` is None where the line does not say what it is called."""

    @property
    def req(self) -> Requirement | None:
        """The requirement without its address, unless it is written as PEP 508 writes it."""

    @property
    def link(self) -> Link | None:
        """The address, if there is one."""

    @property
    def extras(self) -> Iterable[str]:
        """The extras that are asked for."""

    @property
    def marker(self) -> object:
        """The marker, or None."""

    @property
    def hash_options(self) -> Iterable[str]:
        """The hashes that the line allows."""


class OptionLine(Line, Protocol):
    """A line with options of pip, by their internal names."""

    @property
    def options(self) -> Mapping[str, object]:
        """Name -> value."""


class Parsed(Protocol):
    """A requirements file, as pip_requirements_parser gives it."""

    @property
    def requirements(self) -> Sequence[RequirementLine]:
        """What is required."""

    @property
    def options(self) -> Sequence[OptionLine]:
        """Options, other files to read among them."""

    @property
    def invalid_lines(self) -> Sequence[Line]:
        """What pip would refuse."""


class Parser(Protocol):
    """The part of pip_requirements_parser that is used; it ships no types."""

    def from_file(self, filename: str, include_nested: bool = False) -> Parsed:
        """Read one file."""


@dataclass(kw_only=True)
class Files:
    """Requirements files and all that they include, each read once.

    `mistakes` takes what cannot be read. `own` are the extras with which a line asks for the project
    itself (`-e .[web]`), each with its place.
    """

    root: Path
    mistakes: list[str]
    requirements: list[Declaration] = field(default_factory=list)
    constraints: list[Declaration] = field(default_factory=list)
    own: list[tuple[Declaration, frozenset[str]]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    """The paths of the files that were read, relative to the root, the first one first."""

    def add(self, path: str, scope: str = RUNTIME) -> None:
        """Read a file, named relative to the root."""
        if path in self.read:
            return
        self.read.append(path)
        if path.startswith(("../", "/")) or _URL.match(path):
            self.mistakes.append(f"{path}: is outside the project; what it needs must stand in the project")
            return
        parsed = self._parsed(path)
        if parsed is not None:
            self._take(parsed, path, scope)
            for option in parsed.options:
                self._follow(option.options, path, scope)

    def _take(self, parsed: Parsed, path: str, scope: str) -> None:
        taken = self.constraints if scope == CONSTRAINT else self.requirements
        for line in parsed.requirements:
            if self._is_own(path, line):
                self.own.append((_declaration(line, path, scope), frozenset(line.extras)))
            else:
                taken.append(_declaration(line, path, scope))
        taken += [_invalid(line, path, scope) for line in parsed.invalid_lines]

    def _follow(self, option: Mapping[str, object], path: str, scope: str) -> None:
        for nested in _names(option.get("requirements")):
            self.add(_beside(path, nested), scope)
        for nested in _names(option.get("constraints")):
            self.add(_beside(path, nested), CONSTRAINT)

    def _parsed(self, path: str) -> Parsed | None:
        try:
            text = (self.root / path).read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            self.mistakes.append(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}")
            return None
        if "\0" in text:  # no path and no requirement holds one
            self.mistakes.append(f"{path}: holds a NUL byte; write it anew as text")
            return None
        return self._parser.from_file(str(self.root / path))

    @cached_property
    def _parser(self) -> Parser:
        parser: Parser = importlib.import_module("pip_requirements_parser").RequirementsFile
        return parser

    def _is_own(self, path: str, line: RequirementLine) -> bool:
        """Tell whether a line names the project's own folder."""
        if line.link is None or _URL.match(line.link.url):
            return False
        place = re.sub(r"\[[^\]]*\]$", "", line.link.url.partition("#")[0].removeprefix("file:"))
        return (self.root / path).parent.joinpath(place).resolve() == self.root.resolve()


def options(root: Path, paths: Iterable[str]) -> Iterator[Options]:
    """Yield the lines of requirements files that are options for pip, other files to read apart."""
    for path in sorted(paths):
        try:
            text = (root / path).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            # Where the file matters, whoever reads what it requires says so.
            continue
        for number, line in logical_lines(text):
            if line.startswith("-") and not NESTED.match(line):
                yield Options(text=line, path=path, line=number)


def usual(root: Path) -> tuple[str, ...]:
    """Return the requirements files that have a usual name, sorted."""
    found = (path.relative_to(root) for pattern in PATTERNS for path in root.glob(pattern) if path.is_file())
    return tuple(sorted(path.as_posix() for path in found))


def _names(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _beside(path: str, nested: str) -> str:
    if _URL.match(nested):
        return nested
    return posixpath.normpath((PurePosixPath(path).parent / nested).as_posix())


def _declaration(line: RequirementLine, path: str, scope: str) -> Declaration:
    return Declaration(
        text=_OPTIONS.sub("", line.line).strip(),
        requirement=_requirement(line),
        path=path,
        line=line.line_number,
        scope=scope,
        hashes=tuple(line.hash_options),
    )


def _invalid(line: Line, path: str, scope: str) -> Declaration:
    return Declaration(
        text=line.line.strip(), requirement=None, path=path, line=line.line_number, scope=scope
    )


def _requirement(line: RequirementLine) -> Requirement | None:
    """Return the requirement with its address; None where nothing says what it is called."""
    if line.link is None or (line.req is not None and (line.req.url or line.req.specifier)):
        # The parser takes the marker apart from the requirement.
        return line.req and Requirement(f"{line.req} ; {line.marker}" if line.marker else str(line.req))
    name = line.req.name if line.req is not None else _file_name(line.link.url)
    extras = f"[{','.join(sorted(line.extras))}]" if line.extras else ""
    marker = f" ; {line.marker}" if line.marker else ""
    address = f" @ {line.link.url}" if _URL.match(line.link.url) else ""
    try:
        return Requirement(f"{name}{extras}{address}{marker}")
    except InvalidRequirement:
        # Whoever walks from the declarations names it.
        return None


def _file_name(url: str) -> str:
    """Return the name of the distribution in a wheel or sdist, empty for any other address."""
    last = url.partition("#")[0].rstrip("/").rpartition("/")[2]
    try:
        return parse_wheel_filename(last)[0] if last.endswith(".whl") else parse_sdist_filename(last)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""
