"""Which distributions a project declares, each with the line that does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from pytest_failhard.distributions import facts, pinned, pyproject, requirements
from pytest_failhard.distributions.declarations import (
    CONSTRAINT,
    RUNTIME,
    Declaration,
    Declared,
    Options,
    Project,
)
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.pyproject import POETRY, Pyproject, expanded
from pytest_failhard.distributions.requirements import Files
from pytest_failhard.distributions.settings import TABLE, SupplySettings
from pytest_failhard.model import GateError

__all__ = ["CONSTRAINT", "RUNTIME", "Declaration", "Declared", "Options", "Project", "read"]

OLDER = ("setup.py", "setup.cfg")
NOTHING = (
    "no dependency declaration found: write `dependencies = [...]` under [project] in pyproject.toml "
    f"(an empty list says that there are none), or name requirements files as `files` in {TABLE}"
)
_EXTRA = re.compile(r"""\bextra\s*==\s*['"]([^'"]+)['"]|['"]([^'"]+)['"]\s*==\s*extra\b""")

Extras = Mapping[str, tuple[Declaration, ...]]


@dataclass(frozen=True, kw_only=True)
class _Runtime:
    """The runtime declarations, and the extras that they can ask for."""

    declarations: tuple[Declaration, ...]
    extras: Extras
    source: str
    is_explicit: bool = False


def read(root: Path, settings: SupplySettings, installed: Mapping[str, Distribution]) -> Declared:
    """Return the declarations of the project at `root`; raises GateError with all mistakes.

    What only a build knows is taken from the project's own installed metadata.
    """
    mistakes: list[str] = []
    tables = pyproject.read(root, mistakes)
    files = Files(root=root, mistakes=mistakes)
    for path in settings.files or _default(root, tables):
        files.add(path)
    distribution = facts.own(facts.name_of(tables), root, installed)
    project = facts.project(tables, distribution)
    found = _runtime(tables, files, distribution, root)
    groups = tables.groups()
    named = [
        *_named(settings.extras, found.extras, "extra", mistakes),
        *_named(settings.groups, groups, "group", mistakes),
    ]
    if mistakes:
        raise GateError("; ".join(mistakes))
    roots = _unique(expanded([*found.declarations, *named], project.name, found.extras))
    rest = [each for entries in (*found.extras.values(), *groups.values()) for each in entries]
    scopes = {each.scope for each in named}
    others = (each for each in rest if each.scope not in scopes)
    declared = Declared(
        project=project,
        roots=roots,
        others=_unique(expanded(others, project.name, found.extras)),
        options=tuple(requirements.options(root, {*files.read, *requirements.usual(root)})),
        source=found.source,
        is_explicit=found.is_explicit,
        constraints=tuple(files.constraints),
        files=tuple(sorted(files.read)),
    )
    return _compared(declared, found, files)


def _default(root: Path, tables: Pyproject) -> tuple[str, ...]:
    """Return the usual requirements file, unless it is the lock of what pyproject.toml declares."""
    try:
        text = (root / requirements.DEFAULT).read_text("utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError):
        text = ""  # whoever reads it next says what is wrong
    is_declared = "dependencies" in {*tables.project, *tables.dynamic()}
    return () if is_declared and pinned.pins(text) is not None else (requirements.DEFAULT,)


def _runtime(tables: Pyproject, files: Files, distribution: Distribution | None, root: Path) -> _Runtime:
    dynamic = tables.dynamic()
    if "dependencies" in tables.project:
        if "dependencies" in dynamic:
            tables.mistakes.append("pyproject.toml: project.dependencies is stated and dynamic; choose one")
        extras = tables.extras()
        if "optional-dependencies" in dynamic and distribution is not None:
            extras = _built(tables, distribution, pyproject.FILE).extras
        return _Runtime(
            declarations=tables.dependencies(), extras=extras, source=pyproject.FILE, is_explicit=True
        )
    if "dependencies" in dynamic:
        return _of_build(tables, distribution, pyproject.FILE)
    if files.read:
        return _of_files(tables, files, distribution, root)
    older = _older(tables, root)
    if older:
        return _of_build(tables, distribution, older)
    tables.mistakes.append(NOTHING)
    return _Runtime(declarations=(), extras={}, source="")


def _older(tables: Pyproject, root: Path) -> str:
    """Return the file whose declarations only a build tool reads, empty where there is none."""
    if "dependencies" in tables.poetry and not tables.project:
        return pyproject.FILE
    return next((name for name in OLDER if (root / name).is_file()), "")


def _of_files(tables: Pyproject, files: Files, distribution: Distribution | None, root: Path) -> _Runtime:
    source = files.read[0]
    if not files.own:
        extras = tables.extras()
        return _Runtime(declarations=tuple(files.requirements), extras=extras, source=source)
    built = _of_build(tables, distribution, _older(tables, root) or pyproject.FILE)
    asked = [_named(sorted(extras), built.extras, "extra", tables.mistakes) for _, extras in files.own]
    own = [replace(each, scope=RUNTIME) for entries in asked for each in entries]
    declarations = (*files.requirements, *built.declarations, *own)
    return _Runtime(declarations=declarations, extras=built.extras, source=source)


def _of_build(tables: Pyproject, distribution: Distribution | None, path: str) -> _Runtime:
    """Return what the installed metadata of the project itself says."""
    if distribution is None:
        tables.mistakes.append(
            f"{path}: only a build knows the dependencies, and the project is not installed: "
            "install the project first (`python -m pip install -e .`)"
        )
        return _Runtime(declarations=(), extras={}, source=path)
    built = _built(tables, distribution, path)
    known = {canonicalize_name(each.requirement.name) for each in built.declarations if each.requirement}
    stale = sorted(tables.poetry_names().keys() - known)
    if stale:
        tables.mistakes.append(
            f"{path}: {POETRY}.dependencies names {', '.join(stale)}, and the installed metadata of "
            f"{distribution.name} does not: install the project again"
        )
    return built


def _built(tables: Pyproject, distribution: Distribution, path: str) -> _Runtime:
    poetry = tables.poetry_names()
    dynamic = tables.places.key("project", "dynamic") if path == pyproject.FILE else 0
    runtime: list[Declaration] = []
    extras: dict[str, list[Declaration]] = {}
    for extra in distribution.all("Provides-Extra"):
        extras[canonicalize_name(extra)] = []
    for text in distribution.requires:
        requirement = pyproject.parsed(text)
        line = poetry.get(canonicalize_name(requirement.name), 0) if requirement else 0
        declaration = Declaration(text=text, requirement=requirement, path=path, line=line or dynamic)
        names = [canonicalize_name(one or other) for one, other in _EXTRA.findall(text)]
        for name in names:
            extras.setdefault(name, []).append(replace(declaration, scope=f"extra:{name}"))
        if not names:
            runtime.append(declaration)
    return _Runtime(
        declarations=tuple(runtime),
        extras={name: tuple(entries) for name, entries in extras.items()},
        source=path,
    )


def _named(names: Iterable[str], known: Extras, kind: str, mistakes: list[str]) -> Iterator[Declaration]:
    for name in names:
        if canonicalize_name(name) in known:
            yield from known[canonicalize_name(name)]
        else:
            there = ", ".join(sorted(known)) or "there are none"
            mistakes.append(f"{TABLE}: {kind}s: no {kind} is called {name!r} ({there})")


def _unique(declarations: Iterable[Declaration]) -> tuple[Declaration, ...]:
    return tuple(dict.fromkeys(declarations))


def _compared(declared: Declared, found: _Runtime, files: Files) -> Declared:
    """Return the declarations with the names on which two declarations of the same disagree."""
    if not files.read or found.source in files.read:
        return declared
    required = _names(files.requirements)
    if files.own:
        required |= _names(declared.roots)
    beyond = required - _names(declared.roots)
    is_compiled = all(_is_pinned(each) for each in files.requirements)
    return replace(
        declared,
        disagreeing=tuple(sorted((_names(found.declarations) - required) | beyond)),
        compiled=frozenset(beyond) if is_compiled else frozenset(),
    )


def _names(declarations: Iterable[Declaration]) -> set[str]:
    return {canonicalize_name(each.requirement.name) for each in declarations if each.requirement}


def _is_pinned(declaration: Declaration) -> bool:
    requirement = declaration.requirement
    return requirement is not None and [each.operator for each in requirement.specifier] == ["=="]
