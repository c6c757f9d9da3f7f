"""Proves that a project's files can be read, and counts comments in them: of a known file neither again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

from pytest_failhard.source.by_file import ByFile, name_of
from pytest_failhard.source.comments import count
from pytest_failhard.source.files import Project, SourceFile


class Readable:
    """The files of a project, all of which can be parsed, with the comments in which a pattern is found.

    `counts` are the numbers of those comments, by path. `said` is the number that a gate left of a file in an
    earlier run, by the paths of those files whose bytes, path and role are the same. `kind` and `earlier` are
    as for ByFile. Raises GateError where a file cannot be read or parsed.
    """

    def __init__(self, project: Project, kind: str, earlier: bytes | None, pattern: re.Pattern[str]) -> None:
        self._project = project
        self._by_file = ByFile(kind, earlier)
        self._others: dict[str, bytes] = {}
        self.said: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        for file in project.files:
            self._look_up(file)
        project.require_readable(self.said)
        for path in self._others:
            self.counts[path] = count(project.root, path, pattern)

    def _look_up(self, file: SourceFile) -> None:
        # Whoever parses a file that cannot be read says so.
        with contextlib.suppress(OSError):
            data = (self._project.root / file.path).read_bytes()
            answer = self._by_file.find(name_of(file), data)
            if isinstance(answer, list):
                self.counts[file.path], self.said[file.path] = answer
            else:
                self._others[file.path] = data

    def left(self, said: Mapping[str, int]) -> bytes:
        """Return what a later run may know, given a number for each file of which it may know anything."""
        for file in self._project.files:
            if file.path in self._others and file.path in said:
                answer = [self.counts[file.path], said[file.path]]
                self._by_file.keep(name_of(file), self._others[file.path], answer)
        return self._by_file.dump()
