"""Reads the imports of a project's files; of those that are as they were in an earlier run it knows them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pytest_failhard.distributions import imports
from pytest_failhard.distributions.imports import Import
from pytest_failhard.distributions.pieces import Pieces
from pytest_failhard.source import files

if TYPE_CHECKING:
    from pytest_failhard.model import Run
    from pytest_failhard.source.files import SourceFile

NAME = "imports"
UNREAD = ""
Row = tuple[int, str, str, bool, bool, list[str]]
"""Line, module, name, is guarded, is typing, instead of: an import without its file."""


class KnownImports:
    """The imports of files, each bound to its path, its role and its bytes.

    `markers` are those of the target, as in `imports.read`: for another target nothing is known.
    """

    def __init__(self, run: Run, markers: Mapping[str, str]) -> None:
        self._root = run.root
        self._markers = markers
        self._pieces = Pieces(run)
        self._bound = hashlib.sha256(json.dumps(markers, sort_keys=True).encode()).hexdigest()
        self._earlier: dict[str, list[Row]] = json.loads(self._pieces.get(NAME, self._bound) or "{}")
        self._now: dict[str, list[Row]] = {}
        self._digests: dict[SourceFile, str] = {}

    def read(self, asked: Iterable[SourceFile]) -> tuple[Import, ...]:
        """Return the absolute imports of files as `imports.read` does; raises GateError as that does."""
        return imports.read(self._root, asked, self._markers, self._of_file)

    def readable(self, asked: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
        """Return the files that parse."""
        return tuple(
            file
            for file in asked
            if self._digest(file) in self._earlier or files.tree(self._root, file.path) is not None
        )

    def leave(self) -> None:
        """Leave for a later run what was read in this one."""
        # A file that could be read only later has no name by which it is known again.
        self._now.pop(UNREAD, None)
        if self._now != self._earlier:
            self._pieces.put(NAME, self._bound, json.dumps(self._now))

    def _of_file(self, file: SourceFile) -> Iterable[Import]:
        digest = self._digest(file)
        rows = self._earlier.get(digest)
        found = imports.of_file(self._root, file, self._markers) if rows is None else _imports(file, rows)
        read = tuple(found)
        self._now[digest] = rows or list(map(_row, read))
        return read

    def _digest(self, file: SourceFile) -> str:
        """Return what a file's imports depend on, nothing where it cannot be read."""
        if file not in self._digests:
            named = f"{file.role}\0{file.path}\0".encode(errors="surrogateescape")
            try:
                data = (self._root / file.path).read_bytes()
            except OSError:
                # Whoever parses it says why.
                return UNREAD
            self._digests[file] = hashlib.sha256(named + data).hexdigest()
        return self._digests[file]


def _row(found: Import) -> Row:
    return (
        *(found.line, found.module, found.name),
        *(found.is_guarded, found.is_typing, [*found.instead_of]),
    )


def _imports(file: SourceFile, rows: Iterable[Row]) -> Iterable[Import]:
    for line, module, name, is_guarded, is_typing, instead_of in rows:
        yield Import(
            path=file.path,
            line=line,
            module=module,
            name=name,
            role=file.role,
            is_guarded=is_guarded,
            is_typing=is_typing,
            instead_of=tuple(instead_of),
        )
