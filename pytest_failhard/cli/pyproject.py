"""Adds what failhard needs to a pyproject.toml and keeps all the rest of it, comments included."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

import tomlkit
from packaging.utils import canonicalize_name
from tomlkit.exceptions import TOMLKitError

from pytest_failhard.cli import system_table
from pytest_failhard.source import files

if TYPE_CHECKING:
    from pathlib import Path

DISTRIBUTION = "pytest-failhard"
GROUPS = ("dev", "test", "tests")
REQUIREMENTS = ("docs/requirements.md", "REQUIREMENTS.md", "README.md", "README.rst")
# In the order in which pytest prefers them; it then reads no pyproject.toml.
OWN_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
SHARED_FILES = (("tox.ini", "[pytest]"), ("setup.cfg", "[tool:pytest]"))

COMMENTS = {
    "level": "1 proof of concept, 2 development, 3 pre-production, 4 production",
    "purpose": "fill in: one sentence, what the system does and for whom",
    "requirements": "fill in: the file that lists what the system must do",
    "expected_load": "fill in: peak requests per second and users a day",
    "source": "what is judged: folders and modules of the product",
    "tests": "where its tests are",
}


class PyprojectError(Exception):
    """The file cannot be extended; the message says where and why."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the dev dependency stands: `kind` is `project`, `extra`, `group` or `poetry`."""

    kind: str
    name: str

    @property
    def header(self) -> str:
        """Return the table as a person finds it in the file."""
        return {
            "project": "[project] dependencies",
            "extra": f"[project.optional-dependencies] {self.name}",
            "group": f"[dependency-groups] {self.name}",
            "poetry": f"[tool.poetry.group.{self.name}.dependencies]",
        }[self.kind]


@dataclass(kw_only=True)
class Notes:
    """What was done, for the person who ran the command."""

    added: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)
    unfilled: list[str] = field(default_factory=list)
    """Keys whose value only a person knows; the configuration refuses what stands there meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Extended:
    """The new text, where the dev dependency stands in it, and the level it names."""

    text: str
    place: Place
    level: int
    installable: bool


def extend(text: str, root: Path, level: int, notes: Notes) -> Extended:
    """Return the text with everything that was missing; the same text if nothing was."""
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    document = _parse(plain)
    blocks: list[str] = []
    place = _add_dependency(document, blocks, notes)
    _add_settings(document, root, level, blocks, notes)
    _add_system(document, root, blocks, notes)
    _add_required_plugin(document, root, blocks, notes)
    result = "\n".join([_ended(tomlkit.dumps(document)), *blocks]).lstrip("\n")
    settings = _loads(result)["tool"]["failhard"]
    return Extended(
        text=result.replace("\n", newline) if result != plain else text,
        place=place,
        level=settings["level"] if isinstance(settings["level"], int) else level,
        installable="project" in document or "build-system" in document,
    )


def _parse(text: str) -> tomlkit.TOMLDocument:
    with _told("correct it"):
        tomllib.loads(text)  # stricter in places than tomlkit
        return tomlkit.parse(text)


def _loads(text: str) -> dict[str, dict[str, dict[str, object]]]:
    with _told("write its inline tables as [tables]"):
        return tomllib.loads(text)


@contextlib.contextmanager
def _told(remedy: str) -> Iterator[None]:
    try:
        yield
    except (tomllib.TOMLDecodeError, TOMLKitError) as error:
        raise PyprojectError(f"pyproject.toml: {error}; {remedy} and run `failhard init` again") from None


def _ended(text: str) -> str:
    return f"{text}\n" if text and not text.endswith("\n") else text


def _table(table: Mapping[str, object], *keys: str) -> MutableMapping[str, object] | None:
    """Return the table below the keys, or None where there is none; raises where it is no table."""
    found: object = table
    for position, key in enumerate(keys):
        if not isinstance(found, MutableMapping):
            raise PyprojectError(f"pyproject.toml: {'.'.join(keys[:position])} is not a table; correct it")
        if key not in found:
            return None
        found = found[key]
    if not isinstance(found, MutableMapping):
        raise PyprojectError(f"pyproject.toml: {'.'.join(keys)} is not a table; correct it")
    return found


def _add_dependency(document: tomlkit.TOMLDocument, blocks: list[str], notes: Notes) -> Place:
    declared = next((place for place, name in _declared(document) if name == DISTRIBUTION), None)
    if declared:
        notes.kept.append(f"{declared.header} names {DISTRIBUTION} already")
        return declared
    place = _target(document)
    requirement = f"{DISTRIBUTION}>={version(DISTRIBUTION)}"
    if place.kind == "poetry":
        _poetry(document, place.name)[DISTRIBUTION] = f">={version(DISTRIBUTION)}"
    else:
        _append(document, place, requirement, blocks)
    notes.added.append(f'{place.header}: "{requirement}"')
    return place


def _declared(document: tomlkit.TOMLDocument) -> Iterator[tuple[Place, str]]:
    """Yield every distribution the project declares, and where."""
    for requirement in _strings((_table(document, "project") or {}).get("dependencies")):
        yield Place(kind="project", name=""), _name(requirement)
    for kind, keys in (("extra", ("project", "optional-dependencies")), ("group", ("dependency-groups",))):
        for group, requirements in (_table(document, *keys) or {}).items():
            for requirement in _strings(requirements):
                yield Place(kind=kind, name=group), _name(requirement)
    for group in _table(document, "tool", "poetry", "group") or {}:
        for name in _poetry(document, group):
            yield Place(kind="poetry", name=group), canonicalize_name(name)


def _strings(value: object) -> list[str]:
    return [str(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _name(requirement: str) -> str:
    return canonicalize_name(re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0])


def _target(document: tomlkit.TOMLDocument) -> Place:
    """Return the group that the project uses for its tests; a new `dev` group if it has none."""
    places = (
        ("group", _table(document, "dependency-groups")),
        ("poetry", _table(document, "tool", "poetry", "group")),
        ("extra", _table(document, "project", "optional-dependencies")),
    )
    for kind, groups in places:
        for name in GROUPS:
            if name in (groups or {}):
                return Place(kind=kind, name=name)
    return Place(kind="group", name="dev")


def _poetry(document: tomlkit.TOMLDocument, group: str) -> MutableMapping[str, object]:
    dependencies = _table(document, "tool", "poetry", "group", group, "dependencies")
    if dependencies is None:
        raise PyprojectError(
            f"pyproject.toml: [tool.poetry.group.{group}] has no dependencies; add the table"
        )
    return dependencies


def _append(document: tomlkit.TOMLDocument, place: Place, requirement: str, blocks: list[str]) -> None:
    keys = ("dependency-groups",) if place.kind == "group" else ("project", "optional-dependencies")
    groups = _table(document, *keys)
    if groups is None:
        blocks.append(f'[dependency-groups]\n{place.name} = ["{requirement}"]\n')
    elif place.name not in groups:
        groups[place.name] = [requirement]
    else:
        _extend_array(groups[place.name], requirement, place.header)


def _extend_array(array: object, value: str, where: str) -> None:
    if not isinstance(array, tomlkit.items.Array):
        raise PyprojectError(f"pyproject.toml: {where} is not a list; correct it")
    array.append(value)


def _add_settings(
    document: tomlkit.TOMLDocument, root: Path, level: int, blocks: list[str], notes: Notes
) -> None:
    values = _settings(document, root, level, notes)
    table = _table(document, "tool", "failhard")
    missing = {key: value for key, value in values.items() if table is None or key not in table}
    kept = [key for key in values if key not in missing]
    if kept:
        notes.kept.append(f"[tool.failhard] has {', '.join(kept)} already")
    if missing:
        notes.added.append(f"[tool.failhard]: {', '.join(missing)}")
    if table is None:
        fresh = tomlkit.table()
        _assign(fresh, missing)
        blocks.append(f"[tool.failhard]\n{fresh.as_string()}")
    else:
        _assign(table, missing)
    unfilled = [key for key, value in missing.items() if _empty(value)]
    notes.unfilled.extend(unfilled)
    notes.to_do.extend(f"[tool.failhard] {key}: {COMMENTS[key]}" for key in unfilled)


def _add_system(document: tomlkit.TOMLDocument, root: Path, blocks: list[str], notes: Notes) -> None:
    """Add the table that declares the system, as the project's files say; one that is there stays."""
    table = _table(document, "tool", "failhard")
    if table is not None and "system" in table:
        notes.kept.append(f"{system_table.HEADER} is there already")
        return
    if isinstance(table, tomlkit.items.InlineTable):
        notes.to_do.append(f"{system_table.HEADER}: write `failhard = {{...}}` as a [table], and run again")
        return
    given = table or {}
    source = _strings(given.get("source")) or files.default_source(root, document)
    tests = _strings(given.get("tests")) or files.default_tests(root)
    derived = system_table.derive(root, source, tests)
    if derived is None:
        notes.to_do.append(f"{system_table.HEADER}: correct `source` and `tests` first, and run again")
        return
    blocks.append(derived.text)
    notes.added.append(f"{system_table.HEADER}: kind = {derived.kind}")
    if derived.open:
        notes.to_do.append(
            f"{system_table.HEADER}: {derived.open} places to look at, `# check` and `# fill in`"
        )
    notes.to_do += [f"{system_table.HEADER}: not derived from {problem}" for problem in derived.problems]


def _assign(table: MutableMapping[str, object], values: Mapping[str, object]) -> None:
    for key, value in values.items():
        table[key] = _item(value).comment(COMMENTS[key])


def _item(value: object) -> tomlkit.items.Item:
    if not isinstance(value, dict):
        return tomlkit.item(value)
    inline = tomlkit.inline_table()
    inline.update(value)
    return inline


def _empty(value: object) -> bool:
    return value == "" or isinstance(value, dict)


def _settings(document: tomlkit.TOMLDocument, root: Path, level: int, notes: Notes) -> dict[str, object]:
    project = _table(document, "project") or {}
    description = project.get("description")
    values: dict[str, object] = {
        "level": level,
        "purpose": str(description) if isinstance(description, str) else "",
        "requirements": next((name for name in REQUIREMENTS if (root / name).is_file()), ""),
        "expected_load": {"rps": 0, "daily_users": 0},
    }
    roots = {"source": files.default_source(root, document), "tests": files.default_tests(root)}
    for key, names in roots.items():
        if names:
            values[key] = list(names)
        else:
            notes.to_do.append(f"[tool.failhard] {key}: nothing found; {COMMENTS[key]}")
    return values


def _add_required_plugin(document: tomlkit.TOMLDocument, root: Path, blocks: list[str], notes: Notes) -> None:
    elsewhere = _other_configuration(root, document)
    if elsewhere:
        notes.to_do.append(f"{elsewhere}: add `{_line(elsewhere)}`, so that pytest refuses to run without it")
        return
    where, table = _pytest_table(document)
    if table is None:
        blocks.append(f'[tool.pytest]\nrequired_plugins = ["{DISTRIBUTION}"]\n')
        notes.added.append("[tool.pytest]: required_plugins")
        return
    present = table.get("required_plugins")
    names = present.split() if isinstance(present, str) else _strings(present)
    if DISTRIBUTION in map(_name, names):
        notes.kept.append(f"{where} required_plugins names {DISTRIBUTION} already")
        return
    _require(table, present, where)
    notes.added.append(f"{where} required_plugins: {DISTRIBUTION}")


def _require(table: MutableMapping[str, object], present: object, where: str) -> None:
    if present is None:
        table["required_plugins"] = [DISTRIBUTION]
    elif isinstance(present, str):
        table["required_plugins"] = f"{present} {DISTRIBUTION}".strip()
    else:
        _extend_array(present, DISTRIBUTION, f"{where} required_plugins")


def _line(name: str) -> str:
    if name.endswith(".toml"):
        return f'required_plugins = ["{DISTRIBUTION}"]'
    return f"required_plugins = {DISTRIBUTION}"


def _other_configuration(root: Path, document: tomlkit.TOMLDocument) -> str:
    """Return the file that pytest reads instead of pyproject.toml and that lacks the plugin, or ''."""
    found = next((name for name in OWN_FILES if (root / name).is_file()), "")
    if not found and _pytest_table(document)[1] is None:
        shared = (name for name, section in SHARED_FILES if section in _read(root / name))
        found = next(shared, "")
    return found


def _read(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""


def _pytest_table(document: tomlkit.TOMLDocument) -> tuple[str, MutableMapping[str, object] | None]:
    options = _table(document, "tool", "pytest", "ini_options")
    if options is not None:
        return "[tool.pytest.ini_options]", options
    return "[tool.pytest]", _table(document, "tool", "pytest")
