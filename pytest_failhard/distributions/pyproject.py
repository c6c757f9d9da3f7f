"""Reads the dependency tables of pyproject.toml: `[project]`, `[dependency-groups]`, Poetry's."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_failhard.distributions.declarations import RUNTIME, Declaration
from pytest_failhard.distributions.places import Places
from pytest_failhard.model import GateError

FILE = "pyproject.toml"
OPTIONAL = "project.optional-dependencies"
GROUPS = "dependency-groups"
POETRY = "tool.poetry"


class Pyproject:
    """A parsed pyproject.toml. What has the wrong type is noted in `mistakes` when it is asked for."""

    def __init__(self, data: bytes, mistakes: list[str]) -> None:
        """Parse the file; raises GateError where it is no TOML."""
        try:
            text = data.decode("utf-8")
            self.document: Mapping[str, object] = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise GateError(f"{FILE}: {error}") from None
        self.places = Places(text)
        self.mistakes = mistakes
        self.project = self.table(self.document, "project", "")
        self.poetry = self.table(self.table(self.document, "tool", ""), "poetry", "tool.")

    def dynamic(self) -> frozenset[str]:
        """Return the fields of `[project]` that only the build knows."""
        return frozenset(self.texts(self.project, "dynamic", "project."))

    def dependencies(self) -> tuple[Declaration, ...]:
        """Return the runtime requirements of `[project]`."""
        entries = self.texts(self.project, "dependencies", "project.")
        return tuple(self._declaration("project", "dependencies", text, RUNTIME) for text in entries)

    def extras(self) -> Mapping[str, tuple[Declaration, ...]]:
        """Return the extras by canonical name, a requirement on the project itself not yet expanded."""
        tables = self.table(self.project, "optional-dependencies", "project.")
        return {
            canonicalize_name(extra): tuple(
                self._declaration(OPTIONAL, extra, text, f"extra:{canonicalize_name(extra)}")
                for text in self.texts(tables, extra, f"{OPTIONAL}.")
            )
            for extra in tables
        }

    def groups(self) -> Mapping[str, tuple[Declaration, ...]]:
        """Return the groups by canonical name, those that they include among them."""
        tables = self.table(self.document, GROUPS, "")
        spelled: dict[str, str] = {canonicalize_name(group): group for group in tables}
        groups: dict[str, tuple[Declaration, ...]] = {
            name: tuple(self._group(tables, spelled, group, (name,)))
            for name, group in sorted(spelled.items())
        }
        return {**self._poetry_groups(), **groups}

    def poetry_names(self) -> Mapping[str, int]:
        """Return the names that Poetry's table demands without a condition, each with its line."""
        table = self.table(self.poetry, "dependencies", f"{POETRY}.")
        return {
            canonicalize_name(name): self.places.key(f"{POETRY}.dependencies", name)
            for name, wanted in table.items()
            if name != "python" and not (isinstance(wanted, dict) and wanted.get("optional") is True)
        }

    def table(self, parent: Mapping[str, object], key: str, place: str) -> Mapping[str, object]:
        """Return a table, empty where there is none."""
        value = parent.get(key, {})
        if isinstance(value, dict):
            return value
        self.mistakes.append(f"{FILE}: {place}{key}: must be a table")
        return {}

    def texts(self, parent: Mapping[str, object], key: str, place: str) -> list[str]:
        """Return a list of texts, empty where there is none."""
        value = parent.get(key, [])
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
        self.mistakes.append(f"{FILE}: {place}{key}: must be a list of texts")
        return []

    def text(self, parent: Mapping[str, object], key: str, place: str) -> str:
        """Return a text, empty where there is none."""
        value = parent.get(key, "")
        if isinstance(value, str):
            return value
        self.mistakes.append(f"{FILE}: {place}{key}: must be text; quote it")
        return ""

    def _declaration(self, table: str, key: str, text: str, scope: str) -> Declaration:
        line = self.places.text(table, key, text)
        return Declaration(text=text, requirement=parsed(text), path=FILE, line=line, scope=scope)

    def _group(
        self, tables: Mapping[str, object], spelled: Mapping[str, str], group: str, trail: Sequence[str]
    ) -> Iterator[Declaration]:
        place, entries = f"{FILE}: {GROUPS}.{group}", tables[group]
        if not isinstance(entries, list):
            self.mistakes.append(f"{place}: must be a list")
            return
        for entry in entries:
            if isinstance(entry, str):
                yield self._declaration(GROUPS, group, entry, f"group:{trail[0]}")
                continue
            included = entry.get("include-group") if isinstance(entry, dict) else None
            name = canonicalize_name(included) if isinstance(included, str) else ""
            if name in trail:
                self.mistakes.append(f"{place}: includes itself by way of {' and '.join(trail)}")
            elif name in spelled:
                yield from self._group(tables, spelled, spelled[name], (*trail, name))
            else:
                self.mistakes.append(
                    f"{place}: {entry!r} is no requirement and includes no group that exists"
                )

    def _poetry_groups(self) -> Mapping[str, tuple[Declaration, ...]]:
        """Return Poetry's groups: the names alone, since its versions are written as nobody else does."""
        groups = self.table(self.poetry, "group", f"{POETRY}.")
        places = {f"{POETRY}.group.{group}.dependencies": (group, table) for group, table in groups.items()}
        places[f"{POETRY}.dev-dependencies"] = ("dev", {"dependencies": self.poetry.get("dev-dependencies")})
        found: dict[str, tuple[Declaration, ...]] = {}
        for place, (group, table) in places.items():
            needed = table.get("dependencies") if isinstance(table, dict) else None
            name = canonicalize_name(group)
            lines = {each: self.places.key(place, each) for each in (needed or ())}
            found[name] = (*found.get(name, ()), *_named(lines, f"group:{name}"))
        return {name: entries for name, entries in found.items() if entries}


def _named(lines: Mapping[str, int], scope: str) -> Iterator[Declaration]:
    for name, line in lines.items():
        yield Declaration(text=name, requirement=parsed(name), path=FILE, line=line, scope=scope)


def read(root: Path, mistakes: list[str]) -> Pyproject:
    """Return the project's pyproject.toml, an empty one where there is none; raises GateError."""
    try:
        data = (root / FILE).read_bytes()
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise GateError(f"{FILE}: {error.strerror}") from None
    return Pyproject(data, mistakes)


def parsed(text: str) -> Requirement | None:
    """Return a requirement, None where the text is none that PEP 508 knows."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        # The declaration goes on without it, and the walk from the declarations names it.
        return None


def expanded(
    declarations: Iterable[Declaration],
    name: str,
    extras: Mapping[str, tuple[Declaration, ...]],
    trail: frozenset[str] = frozenset(),
) -> Iterator[Declaration]:
    """Yield declarations with what requires the project itself (`app[all]`) replaced by that extra's.

    One that asks for an extra that there is not stays, with that extra alone.
    """
    for declaration in declarations:
        requirement = declaration.requirement
        if requirement is None or not name or canonicalize_name(requirement.name) != name:
            yield declaration
            continue
        for extra in sorted(map(canonicalize_name, requirement.extras)):
            if extra not in extras:
                yield replace(declaration, requirement=_marked(Requirement(f"{name}[{extra}]"), requirement))
            elif extra not in trail:
                for each in expanded(extras[extra], name, extras, trail | {extra}):
                    inner = None if each.requirement is None else _marked(each.requirement, requirement)
                    yield replace(each, scope=declaration.scope, requirement=inner)


def _marked(requirement: Requirement, condition: Requirement) -> Requirement:
    """Return a requirement that applies only where another one does too."""
    if condition.marker is None:
        return requirement
    both = [f"({each.marker})" for each in (requirement, condition) if each.marker is not None]
    marked = copy.copy(requirement)
    marked.marker = Marker(" and ".join(both))
    return marked
