"""Reads what the packaging files declare: name, version, lowest Python, distributions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

FILE = "pyproject.toml"
LOWER_BOUNDS = frozenset({">=", "~=", "==", ">", "==="})
POETRY_PYTHON = re.compile(r"[\^~]?=?\s*(\d+\.\d+(?:\.\d+)?)")


class DeclaredError(Exception):
    """The packaging metadata cannot be used. `mistakes` holds all, each with place and remedy."""

    def __init__(self, found: Collection[str]) -> None:
        super().__init__("\n".join(found))
        self.mistakes = tuple(found)


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The project as its packaging files describe it. Distribution names are canonical."""

    name: str
    version: str = ""
    requires_python: tuple[int, int] | None = None
    distributions: frozenset[str] = frozenset()


def metadata(root: Path, document: Mapping[str, object]) -> Metadata:
    """Return what pyproject.toml and the root's requirements files declare.

    The name falls back to the folder's, the version to the empty text (it may be dynamic). Raises
    DeclaredError.
    """
    found: list[str] = []
    project = _table(document, "project", found)
    poetry = _table(_table(document, "tool", found), "poetry", found)
    name = _text(project, "name", found) or _text(poetry, "name", found)
    names = {
        *_required(_list(project, "dependencies", "project.", found), "project.dependencies", found),
        *_extras(project, found),
        *_groups(_table(document, "dependency-groups", found), found),
        *_poetry_names(poetry, found),
        *_requirements_files(root, found),
    }
    version = _text(project, "version", found) or _text(poetry, "version", found)
    lowest = _lowest_python(project, poetry, found)
    if found:
        raise DeclaredError(found)
    return Metadata(
        name=name or root.resolve().name,
        version=version,
        requires_python=lowest,
        # `project[extra]` in an extra names the project itself.
        distributions=frozenset(names - {canonicalize_name(name)}),
    )


def _table(parent: Mapping[str, object], key: str, found: list[str]) -> Mapping[str, object]:
    value = parent.get(key, {})
    if isinstance(value, dict):
        return value
    found.append(f"{FILE}: {key}: must be a table")
    return {}


def _list(parent: Mapping[str, object], key: str, place: str, found: list[str]) -> list[object]:
    value = parent.get(key, [])
    if isinstance(value, list):
        return value
    found.append(f"{FILE}: {place}{key}: must be a list")
    return []


def _text(parent: Mapping[str, object], key: str, found: list[str]) -> str:
    value = parent.get(key, "")
    if isinstance(value, str):
        return value
    found.append(f"{FILE}: {key}: must be text; quote it")
    return ""


def _required(entries: list[object], place: str, found: list[str]) -> set[str]:
    names: set[str] = set()
    for index, entry in enumerate(entries):
        try:
            names.add(canonicalize_name(Requirement(str(entry)).name))
        except InvalidRequirement:
            found.append(f"{FILE}: {place}[{index}]: {entry!r} is no requirement; write `name>=version`")
    return names


def _extras(project: Mapping[str, object], found: list[str]) -> set[str]:
    names: set[str] = set()
    extras = _table(project, "optional-dependencies", found)
    for extra in extras:
        place = f"project.optional-dependencies.{extra}"
        names |= _required(_list(extras, extra, "project.optional-dependencies.", found), place, found)
    return names


def _groups(groups: Mapping[str, object], found: list[str]) -> set[str]:
    """Return the names of all groups; an included group is one of them, so it only has to exist."""
    names: set[str] = set()
    known = {canonicalize_name(group) for group in groups}
    for group in groups:
        place = f"dependency-groups.{group}"
        entries = _list(groups, group, "dependency-groups.", found)
        names |= _required([entry for entry in entries if not isinstance(entry, dict)], place, found)
        found += [
            f"{FILE}: {place}: {entry!r} includes no group that exists; name one"
            for entry in entries
            if isinstance(entry, dict) and canonicalize_name(str(entry.get("include-group"))) not in known
        ]
    return names


def _poetry_names(poetry: Mapping[str, object], found: list[str]) -> set[str]:
    groups = _table(poetry, "group", found)
    tables = [
        _table(poetry, "dependencies", found),
        _table(poetry, "dev-dependencies", found),
        *(_table(_table(groups, group, found), "dependencies", found) for group in groups),
    ]
    return {canonicalize_name(name) for table in tables for name in table if name != "python"}


def _requirements_files(root: Path, found: list[str]) -> set[str]:
    names: set[str] = set()
    waiting = sorted(root.glob("requirements*.txt"))
    read: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path.resolve() in read or not path.resolve().is_relative_to(root.resolve()):
            continue
        read.add(path.resolve())
        for line in _lines(path, found):
            if nested := re.match(r"(?:-r|--requirement)[ =]*(\S+)", line):
                waiting.append(path.parent / nested.group(1))
            elif name := _named(line):
                names.add(name)
    return names


def _lines(path: Path, found: list[str]) -> Iterator[str]:
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found.append(f"{path.name}: cannot be read as UTF-8 ({type(error).__name__}); mend or remove it")
        return
    for line in text.replace("\\\n", " ").splitlines():
        yield re.sub(r"(?:^|\s)#.*|\s--hash=\S+|\s;.*", "", line).strip()


def _named(line: str) -> str:
    """Return the distribution that a line of a requirements file names; options, paths and URLs name none."""
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return ""


def _lowest_python(
    project: Mapping[str, object], poetry: Mapping[str, object], found: list[str]
) -> tuple[int, int] | None:
    stated = _text(project, "requires-python", found)
    if not stated:
        return _lowest_poetry(_table(poetry, "dependencies", found).get("python"))
    try:
        lower = [each.version for each in SpecifierSet(stated) if each.operator in LOWER_BOUNDS]
        versions = [Version(version.removesuffix(".*")) for version in lower]
    except (InvalidSpecifier, InvalidVersion):
        found.append(f"{FILE}: project.requires-python: {stated!r} is no specifier; write `>=3.11`")
        return None
    return (max(versions).major, max(versions).minor) if versions else None


def _lowest_poetry(stated: object) -> tuple[int, int] | None:
    match = POETRY_PYTHON.match(stated.removeprefix(">")) if isinstance(stated, str) else None
    if match is None:
        return None
    version = Version(match.group(1))
    return version.major, version.minor
