"""Finds the file that says what the system is installed from, and what the system's own build needs."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_failhard.model import GateError
from pytest_failhard.source.files import pyproject
from pytest_failhard.system import requirement_lines
from pytest_failhard.system.requirement_lines import Line, line_of

PYPROJECT = "pyproject.toml"
UV, PYLOCK, REQUIREMENTS = "uv.lock", "pylock.toml", "requirements.txt"
CANDIDATES = (UV, PYLOCK, REQUIREMENTS)
"""In each of them stands what [project].dependencies was resolved to: that counts where there is none."""
_OLDER = "setup.py"
_FETCHED = frozenset({"directory", "editable", "git", "path", "url", "virtual"})
"""Sources of a package in uv.lock that are no index."""

Kind = Literal["uv", "pylock", "requirements", "project", "build"]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the system is installed from.

    `kind` is `uv`, `pylock`, `requirements`, `project` for [project].dependencies, or `build` where only a
    build knows the dependencies. `is_repeatable` is false where something is fetched without a hash.
    """

    kind: Kind
    path: str
    sha256: str
    requirements: tuple[Line, ...] = ()
    options: tuple[str, ...] = ()
    is_repeatable: bool = True


@dataclass(frozen=True, kw_only=True)
class Product:
    """The project as something that is built: whether it is, with what, and for which Pythons."""

    is_built: bool
    requires: tuple[Line, ...]
    python: SpecifierSet
    version_is_dynamic: bool


def find(tree: Path, named: str | None) -> Manifest | None:
    """Return the manifest that is named, or the only one there is; None where the project has none.

    Raises GateError where several could be it, or the named one is not there or cannot be read.
    """
    if named is not None:
        if not (tree / named).is_file():
            raise GateError(
                f"manifest-missing: [tool.failhard.system] manifest = {named!r}: there is no such file; "
                "correct the key"
            )
        return _read(tree, PurePosixPath(named).as_posix())
    there = [name for name in CANDIDATES if (tree / name).is_file()]
    if len(there) > 1:
        raise GateError(
            f"manifest-ambiguous: {', '.join(there)}: which one is the system installed from? Name it as "
            "`manifest` in [tool.failhard.system]"
        )
    return _read(tree, there[0]) if there else _of_project(tree)


def product(tree: Path) -> Product:
    """Return what pyproject.toml says of the project itself; raises GateError where it cannot be read."""
    document = pyproject(tree)
    project = _table(document, "project")
    needed = _strings(_table(document, "build-system").get("requires"))
    said = str(project.get("requires-python", ""))
    try:
        python = SpecifierSet(said)
    except InvalidSpecifier:
        raise GateError(f"{PYPROJECT}: project.requires-python: {said!r} is no set of versions") from None
    return Product(
        is_built="build-system" in document or (tree / _OLDER).is_file(),
        requires=_lines(tree, needed),
        python=python,
        version_is_dynamic="version" in _strings(project.get("dynamic")),
    )


def _read(tree: Path, path: str) -> Manifest:
    name = PurePosixPath(path).name
    if name == PYPROJECT:
        found = _of_project(tree)
        if found is None:
            raise GateError(
                f"{path}: it declares no dependencies, though `manifest` names it; correct the key"
            )
        return found
    if name == UV:
        return _lock(tree, path, "uv")
    if name.startswith("pylock.") and name.endswith(".toml"):
        return _lock(tree, path, "pylock")
    lines = requirement_lines.read(tree, path)
    return Manifest(
        kind="requirements",
        path=path,
        sha256=_digest(lines.files),
        requirements=tuple(lines.requirements),
        options=tuple(lines.options),
        is_repeatable=lines.is_repeatable,
    )


def _lock(tree: Path, path: str, kind: Kind) -> Manifest:
    data = (tree / path).read_bytes()
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise GateError(f"{path}: cannot be read: {error}; lock again") from None
    files = {path: data}
    if kind == "uv":
        # `--locked` holds the lock against it.
        files[PYPROJECT] = (tree / PYPROJECT).read_bytes() if (tree / PYPROJECT).is_file() else b""
    return Manifest(kind=kind, path=path, sha256=_digest(files), is_repeatable=_is_indexed(document))


def _is_indexed(document: Mapping[str, object]) -> bool:
    """Tell whether all packages of a lock but the project itself come from an index, or have a hash."""
    for entry in _tables(document.get("package")):
        source = _table(entry, "source")
        is_own = source.get("editable", source.get("virtual")) == "."
        if not is_own and not _FETCHED.isdisjoint(source):
            return False
    return not any("vcs" in entry or "directory" in entry for entry in _tables(document.get("packages")))


def _of_project(tree: Path) -> Manifest | None:
    document = pyproject(tree)
    project = _table(document, "project")
    if "dependencies" in project:
        needed = _strings(project.get("dependencies"))
        return Manifest(
            kind="project",
            path=PYPROJECT,
            sha256=_digest({PYPROJECT: json.dumps(needed).encode()}),
            requirements=_lines(tree, needed),
            is_repeatable=all(map(requirement_lines.is_repeatable, needed)),
        )
    is_known_by_build = "dependencies" in _strings(project.get("dynamic")) or (
        not project and "build-system" in document
    )
    older = _OLDER if not project and (tree / _OLDER).is_file() else ""
    path = PYPROJECT if is_known_by_build else older
    return Manifest(kind="build", path=path, sha256="", is_repeatable=False) if path else None


def _lines(tree: Path, texts: tuple[str, ...]) -> tuple[Line, ...]:
    """Return requirements of pyproject.toml with the lines on which they stand."""
    if not texts:
        return ()
    written = (tree / PYPROJECT).read_text("utf-8").splitlines()
    return tuple(
        line_of(PYPROJECT, next((at for at, line in enumerate(written, 1) if text in line), 0), text)
        for text in texts
    )


def _digest(files: Mapping[str, bytes]) -> str:
    listed = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _strings(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
