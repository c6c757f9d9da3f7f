"""Writes small projects and runs over them the rules that look at a whole tree."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.model import Option
from pytest_failhard.rules.catalogue import find
from pytest_failhard.rules.scan import Scan, scan
from pytest_failhard.rules.tree import Tree
from pytest_failhard.rules.unit import Hit
from pytest_failhard.source.files import SourceFile, role, walk


@dataclass(frozen=True, kw_only=True)
class MemoryBase:
    """A merge base whose files are given by path."""

    files: Mapping[str, str] = field(default_factory=dict)
    commit: str = "c0ffee"
    chosen: str = "given by a test"

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes at the base, None where it has no such file."""
        return textwrap.dedent(self.files[path]).encode() if path in self.files else None

    def differing(self) -> frozenset[str]:
        return frozenset()

    def changed_lines(self) -> Mapping[str, frozenset[int]]:
        """Return no line: nobody here asks for it."""
        return {}


def written(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
        (root / path).write_bytes(data)


def tree(
    root: Path,
    files: Mapping[str, str | bytes],
    *,
    base: Mapping[str, str] | None = None,
    options: Mapping[str, Option] | None = None,
    interpreter: Path = Path(sys.executable),
) -> Tree:
    """Return a project that consists of these files; its roles are those of the paths."""
    written(root, files)
    listed = tuple(SourceFile(path=path, role=role(path)) for path in walk(root))
    found: Scan = scan(root, listed)
    return Tree(
        root=root,
        files=listed,
        scan=found,
        base=MemoryBase(files=base) if base is not None else None,
        base_missing="" if base is not None else "no base was given",
        interpreter=interpreter,
        source=(".",),
        test_roots=("tests",),
        options=options or {},
    )


def checked(given: Tree, code: str) -> list[Hit]:
    """Return what one rule says of a tree: of its Python files, and of what is none."""
    rule = given.scan.rules[code]
    mine = [hit for hit in given.scan.hits if hit.code == code]
    found = list(rule.settle(mine, given.scan.index, given.options))
    if rule.tree:
        found += importlib.import_module(find(code).__module__).check(given)
    return sorted(found)
