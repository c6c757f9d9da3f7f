"""Reads a .dockerignore as the builder does, and says what it lets into the context."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_failhard.gates.container.judged import Judged, Tree

ENVIRONMENTS = (".venv", "venv", "env")
ENVIRONMENT_FILES = (".env", ".env.local", ".env.production")


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """The patterns of a file, in order; the last one that fits decides."""

    path: str
    patterns: tuple[tuple[re.Pattern[str], bool], ...]
    folder: str
    """The folder of the context, relative to the root; empty for the root."""

    @classmethod
    def of(cls, judged: Judged) -> Ignored | None:
        """Return what holds for a Dockerfile: a file of its own, else that of its folder or of the root."""
        folder = f"{judged.folder}/" if judged.folder else ""
        places = ((f"{judged.file.path}.dockerignore", ""), (f"{folder}.dockerignore", judged.folder))
        for path, context in (*places, (".dockerignore", "")):
            if path in judged.tree.files.names:
                return cls(path=path, patterns=tuple(_patterns(judged.tree.read(path))), folder=context)
        return None

    def leaves_out(self, path: str) -> bool:
        """Tell whether a path of the context is left out, by itself or with a folder above it."""
        parts = path.split("/")
        above_it = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        out = False
        for pattern, excludes in self.patterns:
            if any(pattern.fullmatch(above) for above in above_it):
                out = excludes
        return out

    def missing(self, tree: Tree) -> tuple[str, ...]:
        """Return what it does not leave out and should."""
        return tuple(self._missing(tree))

    def _missing(self, tree: Tree) -> Iterator[str]:
        # The history lies in the root; where the context is a folder below, it cannot be taken.
        if not self.folder and not self.leaves_out(".git/config"):
            yield ".git"
        if any(not self.leaves_out(name) for name in ENVIRONMENT_FILES):
            yield ".env*"
        below = f"{self.folder}/" if self.folder else ""
        if any(path.startswith(below) and path.endswith(".py") for path in tree.files.names):
            yield from self._caches()
        yield from (name for name in tree.tests if self._holds(tree, name))

    def _caches(self) -> Iterator[str]:
        if not any(self.leaves_out(f"{name}/bin/python") for name in ENVIRONMENTS):
            yield "the virtual environment"
        if not self.leaves_out("package/__pycache__/module.cpython-311.pyc"):
            yield "__pycache__"

    def _holds(self, tree: Tree, name: str) -> bool:
        below = f"{self.folder}/" if self.folder else ""
        inside = name.removeprefix(below)
        is_there = name.startswith(below) and any(
            path == name or path.startswith(f"{name}/") for path in tree.files.names
        )
        return is_there and not self.leaves_out(inside)


def _patterns(text: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    for line in text.replace("\r", "").split("\n"):
        glob = line.strip()
        if not glob or line.startswith("#"):
            continue
        excludes = not glob.startswith("!")
        yield _compiled(glob.removeprefix("!").strip().strip("/").removeprefix("./")), excludes


def _compiled(glob: str) -> re.Pattern[str]:
    try:
        return re.compile(_regex(glob))
    except re.error:
        # A set that means nothing, as [z-a]: no path has it.
        return re.compile(re.escape(glob))


def _regex(glob: str) -> str:
    found, index = "", 0
    while index < len(glob):
        if glob.startswith("**", index):
            is_folder = glob.startswith("**/", index)
            found += "(?:.*/)?" if is_folder else ".*"
            index += 3 if is_folder else 2
        elif glob[index] == "[" and "]" in glob[index + 1 :]:
            end = glob.index("]", index + 1)
            found += _set(glob[index + 1 : end])
            index = end + 1
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(glob[index], re.escape(glob[index]))
            index += 1
    return found


def _set(characters: str) -> str:
    """Return a set of characters: a range and a negation mean something, all else is itself."""
    negation = "^" if characters.startswith("^") else ""
    escaped = re.escape(characters.removeprefix("^")).replace(r"\-", "-")
    return f"[{negation}{escaped}]"
