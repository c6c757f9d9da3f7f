"""Compares what the two trees need, and builds the base an environment of its own where that differs."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pytest_failhard.distributions import locks, pyproject, requirements, settings
from pytest_failhard.distributions.declarations import Declaration
from pytest_failhard.model import GateError, Run
from pytest_failhard.source import dependencies
from pytest_failhard.source import pyproject as document_of
from pytest_failhard.system import install, manifest
from pytest_failhard.system.declared import read as read_system
from pytest_failhard.system.manifest import Manifest

FETCHED = ("source", "vcs", "archive", "directory")
"""Where a lock says that a package is fetched from, be it the same version or not."""
SYNC = "uv sync --locked --no-dev --no-install-project"
PIP = "python -m pip install -r {path}"
MAKE = "lock what is installed (uv.lock, pylock.toml, or a requirements.txt of `==` with hashes)"
Said = Mapping[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What a tree says of distributions, by their canonical names."""

    locked: Said
    declared: Said


def changed(base: Path, head: Path) -> tuple[str, ...]:
    """Return the names of the distributions that the trees lock or declare otherwise, sorted.

    What only tests and tools need is left out: those are head's on both sides. So is what is declared
    otherwise and locked as before. Raises GateError.
    """
    before, now = _needed(base), _needed(head)
    locked = _differing(before.locked, now.locked)
    declared = _differing(before.declared, now.declared)
    settled = (before.locked.keys() & now.locked.keys()) - locked
    return tuple(sorted(locked | (declared - settled)))


def _differing(before: Said, now: Said) -> set[str]:
    return {name for name in {*before, *now} if before.get(name) != now.get(name)}


def environment(run: Run, base: Path, names: Iterable[str], folder: Path) -> Path:
    """Return the interpreter of a fresh environment with what the base's own lock holds.

    `names` are those that differ. Raises GateError where there is no lock, or it cannot be installed.
    """
    differing = ", ".join(names)
    wanted = _lock(base, differing)
    command = SYNC if wanted.kind == "uv" else PIP.format(path=wanted.path)
    try:
        return install.dependencies(run, base, wanted, folder).python
    except install.InstallError as error:
        raise GateError(_refusal(differing, f"`{command}` does not install it: {error}")) from None
    except GateError as error:
        text = _refusal(differing, f"`{command}` could not be tried: {error}")
        raise GateError(text, external=error.external) from None


def _refusal(differing: str, why: str) -> str:
    return (
        f"baseline-environment: the dependencies of the base differ ({differing}), and it needs an "
        f"environment of its own: {why}"
    )


def _lock(base: Path, differing: str) -> Manifest:
    try:
        named = settings.read(document_of(base)).locks
        system = read_system(base)
        found = manifest.find(base, named[0] if named else system.manifest if system else None)
    except GateError as error:
        raise GateError(_refusal(differing, str(error))) from None
    if found is not None and _is_lock(found):
        return found
    path = found.path if found is not None and found.kind == "requirements" else manifest.REQUIREMENTS
    command = PIP.format(path=path)
    raise GateError(_refusal(differing, f"there is no lock for `{command}`; {MAKE} in a change before this"))


def _is_lock(found: Manifest) -> bool:
    if found.kind in {"uv", "pylock"}:
        return True
    pinned = [line.requirement for line in found.requirements]
    return found.kind == "requirements" and all(each is not None and _is_pinned(each) for each in pinned)


def _is_pinned(requirement: Requirement) -> bool:
    return bool(requirement.url) or [each.operator for each in requirement.specifier] in (["=="], ["==="])


def _needed(root: Path) -> Needed:
    mistakes: list[str] = []
    tables = pyproject.read(root, mistakes)
    said_of = settings.read(tables.document)
    files = (*said_of.files, *(said_of.locks or filter(_is_products, locks.usual(root))))
    own = {canonicalize_name(str(table.get("name"))) for table in (tables.project, tables.poetry)}
    needed = Needed(
        locked=_grouped(_locked(root, said_of.locks), own),
        declared=_grouped(_declared(root, tables, files, mistakes), own),
    )
    if mistakes:
        raise GateError(f"baseline-environment: what is needed cannot be read: {'; '.join(mistakes)}")
    return needed


def _grouped(pairs: Iterable[tuple[str, str]], own: Collection[str]) -> Said:
    """Return what is said by name; of the project itself nothing is needed."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, said in pairs:
        found[name].add(said)
    return {name: frozenset(said) for name, said in found.items() if name not in own}


def _is_products(path: str) -> bool:
    """Tell whether a file is not, by its name, for tests or tools: those are head's on both sides."""
    return not dependencies.OPTIONAL.search(path)


def _locked(root: Path, named: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    read = locks.read(root, named)
    for lock in (each for each in read if named or _is_products(each.path)):
        for name, packages in lock.packages.items():
            yield from ((name, package.version) for package in packages)
        yield from _fetched(root / lock.path)


def _declared(
    root: Path, tables: pyproject.Pyproject, paths: Iterable[str], mistakes: list[str]
) -> Iterator[tuple[str, str]]:
    for declaration in _declarations(root, tables, paths, mistakes):
        requirement = declaration.requirement
        if requirement is None:
            yield declaration.text, declaration.text
        else:
            yield canonicalize_name(requirement.name), _canonical(requirement)
    for name, wanted in tables.table(tables.poetry, "dependencies", "tool.poetry.").items():
        yield canonicalize_name(name), json.dumps(wanted, sort_keys=True, default=str)


def _declarations(
    root: Path, tables: pyproject.Pyproject, paths: Iterable[str], mistakes: list[str]
) -> Iterator[Declaration]:
    yield from tables.dependencies()
    for each in tables.extras().values():
        yield from each
    files = requirements.Files(root=root, mistakes=mistakes)
    for path in paths:
        if path.endswith(".txt"):
            files.add(path)
    yield from files.requirements
    yield from files.constraints


def _canonical(requirement: Requirement) -> str:
    parts = (
        ",".join(sorted(requirement.extras)),
        ",".join(sorted(map(str, requirement.specifier))),
        requirement.url or "",
        str(requirement.marker or ""),
    )
    return "|".join(parts)


def _fetched(path: Path) -> Iterator[tuple[str, str]]:
    """Yield what a lock takes from elsewhere than an index: another commit can be the same version."""
    if path.suffix == ".txt":
        return
    document = tomllib.loads(path.read_text("utf-8-sig"))
    for entry in (*document.get("package", ()), *document.get("packages", ())):
        places = {key: entry[key] for key in FETCHED if key in entry}
        if places and "registry" not in places.get("source", ()):
            yield canonicalize_name(entry["name"]), json.dumps(places, sort_keys=True, default=str)
