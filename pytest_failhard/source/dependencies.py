"""Reads which distributions a project says it needs to run, from pyproject.toml and requirements files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pytest_failhard.source.files import role

PATTERNS = ("pyproject.toml", "requirements*.txt", "requirements/*.txt")
DEPTH = ("", "*/", "*/*/")
"""A repository may hold its program one or two folders down."""
OPTIONAL = re.compile(r"(?i)(dev|test|doc|lint|(^|[-_.])ci([-_.]|$)|build|optional|extra)")
UNREAD = frozenset({"node_modules", "site-packages"})
NAME = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?=[<>=!~@(#]|$|\\|--)"
)
SEPARATORS = re.compile(r"[-_.]+")


def normalized(name: str) -> str:
    """Return the name of a distribution as package indexes compare it."""
    return SEPARATORS.sub("-", name).lower()


def declared(root: Path) -> frozenset[str]:
    """Return the normalized names of what is needed without a condition.

    What has a marker is left out, and so are extras, groups, and requirements files whose name says that
    they are for development. A file that cannot be read declares nothing here: other gates judge it.
    """
    found: set[str] = set()
    for pattern in (f"{depth}{each}" for depth in DEPTH for each in PATTERNS):
        for path in root.glob(pattern):
            relative = PurePosixPath(path.relative_to(root))
            if _is_products(relative):
                found.update(_file(path, relative))
    return frozenset(map(normalized, found))


def _is_products(path: PurePosixPath) -> bool:
    hidden = any(part in UNREAD or part.startswith(".") for part in path.parts)
    return not hidden and role((path.parent / "module.py").as_posix()) == "product"


def _file(path: Path, relative: PurePosixPath) -> Iterator[str]:
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text) if path.suffix == ".toml" else None
    except (OSError, ValueError, RecursionError):
        return
    if document is not None:
        yield from _pyproject(document)
    elif not OPTIONAL.search(relative.name):
        yield from _requirements(text)


def _pyproject(document: Mapping[str, object]) -> Iterator[str]:
    project = document.get("project")
    needed = project.get("dependencies") if isinstance(project, dict) else None
    for each in needed if isinstance(needed, list) else ():
        if isinstance(each, str):
            yield from _requirements(each)
    tool = document.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    table = poetry.get("dependencies") if isinstance(poetry, dict) else None
    for name, wanted in table.items() if isinstance(table, dict) else ():
        if name != "python" and not _is_conditional(wanted):
            yield name


def _is_conditional(wanted: object) -> bool:
    return isinstance(wanted, list) or (
        isinstance(wanted, dict) and bool({"optional", "markers", "python", "platform"} & set(wanted))
    )


def _requirements(text: str) -> Iterator[str]:
    for line in text.splitlines():
        found = NAME.match(line)
        if found and ";" not in line.partition(" #")[0]:
            yield found[1]
