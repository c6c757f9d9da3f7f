"""What a check of the whole tree is given: the files, what the rules found in them, and the merge base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.model import Base, Option
    from pytest_failhard.rules.scan import Scan
    from pytest_failhard.source.files import SourceFile


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A project as its files say, for rules that no single Python file can answer.

    `base` is None where there is no merge base; `base_missing` says why. `interpreter` is that on whose
    packages the system runs. `options` are the gate's settings by field name.
    """

    root: Path
    files: tuple[SourceFile, ...]
    scan: Scan
    base: Base | None
    base_missing: str
    interpreter: Path
    source: tuple[str, ...]
    test_roots: tuple[str, ...]
    options: Mapping[str, Option] = field(default_factory=dict)
    nested: tuple[str, ...] = ()
    """Folders of other projects, of which nothing is read."""
