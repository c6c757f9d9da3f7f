"""What the rules about tests have in common: which files pytest would collect."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from pytest_failhard.rules.unit import TESTS, Hit, StaticRule
from pytest_failhard.source.files import SCRIPT_FOLDERS, TEST_FOLDERS
from pytest_failhard.source.manifest import PYTHON_FILES, Patterns, is_collected
from pytest_failhard.source.module import last_part

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

ROOTS = "test_roots"
"""The option under which the gate hands over where pytest looks."""
CONFTEST = "conftest.py"


class QualityRule(StaticRule):
    """A rule about what a test proves. It speaks only of files that pytest collects, and of conftests."""

    gate: ClassVar[str] = "tests"
    family: ClassVar[str] = "quality"
    roles = TESTS

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the hits in files that pytest collects."""
        del index
        return [hit for hit in hits if collected(hit.path, options)]


def collected(path: str, options: Mapping[str, Option]) -> bool:
    """Tell whether pytest reads a file: by the policy's `python_files`, below a test root.

    A `test_*.py` in a folder of scripts is a program, run by hand, unless a test root lies in that folder.
    """
    place = PurePosixPath(path)
    roots = [PurePosixPath(root) for root in texts(options.get(ROOTS))] or [PurePosixPath()]
    below = [place.relative_to(root) for root in roots if place.is_relative_to(root)]
    if place.name == CONFTEST:
        return any(place.is_relative_to(root) or root.is_relative_to(place.parent) for root in roots)
    patterns = Patterns(files=texts(options.get("python_files")) or PYTHON_FILES)
    return any(not _is_script(inner) for inner in below) and is_collected(path, patterns)


def raises_itself(body: Sequence[ast.stmt]) -> bool:
    """Tell whether a block of a test ends in a `raise` of its own: then nothing of the product is caught."""
    last = body[-1]
    if isinstance(last, ast.With | ast.AsyncWith | ast.For):
        return raises_itself(last.body)
    return isinstance(last, ast.Raise) and (last.exc is None or last_part(last.exc) != "AssertionError")


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of an option that is a list, none for an absent one."""
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()


def _is_script(path: PurePosixPath) -> bool:
    for folder in path.parts[:-1]:
        if folder.lower() in TEST_FOLDERS:
            return False
        if folder.lower() in SCRIPT_FOLDERS:
            return True
    return False
