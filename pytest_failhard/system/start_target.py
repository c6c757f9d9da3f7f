"""Reads from a start command what it imports: `wsgi:app`, a module, a script, a command of the project."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SERVERS = frozenset({"gunicorn", "uvicorn", "hypercorn", "daphne", "granian", "waitress-serve", "waitress"})
"""What serves an application that its arguments name."""
FOLDERS = frozenset({"--chdir", "--pythonpath", "--app-dir"})
"""Options of servers that say where the application is looked for."""
_PYTHON = re.compile(r"python[\d.]*|pypy[\d.]*")
_APPLICATION = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)(?:\(.*\))?")
_VALUED = frozenset({"-X", "-W"})
_GUARD = re.compile(rb"""__name__\s*==\s*['"]__main__['"]|['"]__main__['"]\s*==\s*__name__""")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a start imports: a script, an attribute of a module, or a command that the project installs.

    `roots` are the folders from which it imports before all else, relative to the tree.
    """

    shown: str
    module: str = ""
    attribute: str = ""
    script: str = ""
    command: str = ""
    roots: tuple[str, ...] = (".",)


def read(start: Sequence[str], tree: Path) -> Target | None:
    """Return what a start command imports; None where only starting it can tell.

    A module that does its work when it is imported, without a test of `__name__`, is never imported here.
    """
    if not start:
        return None
    name = PurePosixPath(start[0]).name
    if _PYTHON.fullmatch(name):
        return _of_python(start[1:], tree)
    if name in SERVERS:
        return _served(start[1:])
    return Target(shown=name, command=name, roots=())


def _of_python(arguments: Sequence[str], tree: Path) -> Target | None:
    left = list(arguments)
    while left and left[0].startswith("-") and left[0] not in {"-m", "-c", "-"}:
        left = left[2:] if left[0] in _VALUED else left[1:]
    if not left or left[0] in {"-c", "-"}:
        return None
    if left[0] == "-m":
        return _module(left[1], left[2:], tree) if len(left) > 1 else None
    path = PurePosixPath(left[0])
    if not _defines(tree / path):
        return None
    return Target(shown=path.name, script=path.as_posix(), roots=(path.parent.as_posix(),))


def _module(name: str, arguments: Sequence[str], tree: Path) -> Target | None:
    if name in SERVERS:
        return _served(arguments)
    place = tree.joinpath(*name.split("."))
    is_package = (place / "__main__.py").is_file()
    return Target(shown=name, module=name) if is_package or _defines(place.with_suffix(".py")) else None


def _defines(path: Path) -> bool:
    return path.is_file() and _GUARD.search(path.read_bytes()) is not None


def _served(arguments: Sequence[str]) -> Target | None:
    roots = ["."]
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name, _, attached = option.partition("=")
        if name in FOLDERS:
            roots.append(attached or value)
        application = _APPLICATION.fullmatch(option)
        if application is not None:
            return Target(
                shown=option, module=application[1], attribute=application[2], roots=tuple(reversed(roots))
            )
    return None
