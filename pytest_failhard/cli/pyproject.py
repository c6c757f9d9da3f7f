"""Adds what failhard needs to a pyproject.toml and keeps all the rest of it, comments included."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import tomlkit
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from tomlkit.exceptions import TOMLKitError

from pytest_failhard.cli import settings_table, system_table
from pytest_failhard.cli.setting_up import Given, Notes, PyprojectError, strings, table
from pytest_failhard.source import files

if TYPE_CHECKING:
    from pathlib import Path

DISTRIBUTION = "pytest-failhard"
GROUPS = ("dev", "test", "tests")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# In the order in which pytest prefers them; it then reads no pyproject.toml.
OWN_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
SHARED_FILES = (("tox.ini", "[pytest]"), ("setup.cfg", "[tool:pytest]"))


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


@dataclass(frozen=True, kw_only=True)
class Extended:
    """The new text, where the dev dependency stands in it, the level it names, and its lowest Python."""

    text: str
    place: Place
    level: int
    installable: bool
    python: str


def extend(text: str, root: Path, given: Given, notes: Notes) -> Extended:
    """Return the text with everything that was missing; the same text if nothing was."""
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    document = _parse(plain)
    blocks: list[str] = []
    place = _add_dependency(document, blocks, notes)
    _note_undeclared(document, root, notes)
    settings_table.add(document, root, given, blocks, notes)
    _add_system(document, root, blocks, notes)
    _add_required_plugin(document, root, blocks, notes)
    result = "\n".join([_ended(tomlkit.dumps(document)), *blocks]).lstrip("\n")
    settings = _loads(result)["tool"]["failhard"]
    return Extended(
        text=result.replace("\n", newline) if result != plain else text,
        place=place,
        level=settings["level"] if isinstance(settings["level"], int) else given.level or 1,
        installable="project" in document or "build-system" in document,
        python=_python(document),
    )


def _python(document: tomlkit.TOMLDocument) -> str:
    """Return the lowest Python that the project and we support."""
    wanted = (table(document, "project") or {}).get("requires-python")
    try:
        supported = SpecifierSet(str(wanted or ""))
    except InvalidSpecifier:
        return PYTHONS[0]
    return next((each for each in PYTHONS if supported.contains(each)), PYTHONS[0])


def _note_undeclared(document: tomlkit.TOMLDocument, root: Path, notes: Notes) -> None:
    """Say where the gate `dependencies` will miss a list: only the project knows what it needs."""
    project = table(document, "project") or {}
    named = "dependencies" in project or "dependencies" in strings(project.get("dynamic"))
    if not named and table(document, "tool", "poetry") is None and not any(root.glob("requirements*.txt")):
        notes.to_do.append(
            "[project] dependencies: list what the product imports; `[]` says that it is nothing"
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
    for requirement in strings((table(document, "project") or {}).get("dependencies")):
        yield Place(kind="project", name=""), _name(requirement)
    for kind, keys in (("extra", ("project", "optional-dependencies")), ("group", ("dependency-groups",))):
        for group, requirements in (table(document, *keys) or {}).items():
            for requirement in strings(requirements):
                yield Place(kind=kind, name=group), _name(requirement)
    for group in table(document, "tool", "poetry", "group") or {}:
        for name in _poetry(document, group):
            yield Place(kind="poetry", name=group), canonicalize_name(name)


def _name(requirement: str) -> str:
    return canonicalize_name(re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0])


def _target(document: tomlkit.TOMLDocument) -> Place:
    """Return the group that the project uses for its tests; a new `dev` group if it has none."""
    places = (
        ("group", table(document, "dependency-groups")),
        ("poetry", table(document, "tool", "poetry", "group")),
        ("extra", table(document, "project", "optional-dependencies")),
    )
    for kind, groups in places:
        for name in GROUPS:
            if name in (groups or {}):
                return Place(kind=kind, name=name)
    return Place(kind="group", name="dev")


def _poetry(document: tomlkit.TOMLDocument, group: str) -> MutableMapping[str, object]:
    dependencies = table(document, "tool", "poetry", "group", group, "dependencies")
    if dependencies is None:
        raise PyprojectError(
            f"pyproject.toml: [tool.poetry.group.{group}] has no dependencies; add the table"
        )
    return dependencies


def _append(document: tomlkit.TOMLDocument, place: Place, requirement: str, blocks: list[str]) -> None:
    keys = ("dependency-groups",) if place.kind == "group" else ("project", "optional-dependencies")
    groups = table(document, *keys)
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


def _add_system(document: tomlkit.TOMLDocument, root: Path, blocks: list[str], notes: Notes) -> None:
    """Add the table that declares the system, as the project's files say; one that is there stays."""
    found = table(document, "tool", "failhard")
    if found is not None and "system" in found:
        notes.kept.append(f"{system_table.HEADER} is there already")
        return
    if isinstance(found, tomlkit.items.InlineTable):
        notes.to_do.append(f"{system_table.HEADER}: write `failhard = {{...}}` as a [table], and run again")
        return
    given = found or {}
    source = strings(given.get("source")) or files.default_source(root, document)
    tests = strings(given.get("tests")) or files.default_tests(root)
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
    if derived.model and "llm" not in given:
        notes.to_do.append(
            f"[tool.failhard.llm]: the product {derived.model}; the gate `llm` prints the table to paste"
        )


def _add_required_plugin(document: tomlkit.TOMLDocument, root: Path, blocks: list[str], notes: Notes) -> None:
    elsewhere = _other_configuration(root, document)
    if elsewhere:
        notes.to_do.append(f"{elsewhere}: add `{_line(elsewhere)}`, so that pytest refuses to run without it")
        return
    where, found = _pytest_table(document)
    if found is None:
        blocks.append(f'[tool.pytest]\nrequired_plugins = ["{DISTRIBUTION}"]\n')
        notes.added.append("[tool.pytest]: required_plugins")
        return
    present = found.get("required_plugins")
    names = present.split() if isinstance(present, str) else strings(present)
    if DISTRIBUTION in map(_name, names):
        notes.kept.append(f"{where} required_plugins names {DISTRIBUTION} already")
        return
    _require(found, present, where)
    notes.added.append(f"{where} required_plugins: {DISTRIBUTION}")


def _require(found: MutableMapping[str, object], present: object, where: str) -> None:
    if present is None:
        found["required_plugins"] = [DISTRIBUTION]
    elif isinstance(present, str):
        found["required_plugins"] = f"{present} {DISTRIBUTION}".strip()
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
    options = table(document, "tool", "pytest", "ini_options")
    if options is not None:
        return "[tool.pytest.ini_options]", options
    return "[tool.pytest]", table(document, "tool", "pytest")
