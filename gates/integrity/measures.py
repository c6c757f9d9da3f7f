"""Counts what tells a tool to look away, now and against the merge base."""

from __future__ import annotations

import tokenize
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.rules.suppressed import of_pyi
from pytest_failhard.rules.weak.suppressing import of_text
from pytest_failhard.source import syntax
from pytest_failhard.source.module import Module
from pytest_failhard.source.suppression_forms import KINDS
from pytest_failhard.source.suppressions import Suppression

if TYPE_CHECKING:
    from pytest_failhard.model import Base
    from pytest_failhard.source.index import FileFacts

UNCOUNTED = frozenset({"any"})
"""Kinds that have a measure of their own and are no part of the sum: an annotation hides no finding."""


def gathered(
    root: Path, files: Iterable[FileFacts], stubs: Iterable[str], configured: Iterable[Suppression] = ()
) -> tuple[Suppression, ...]:
    """Return all suppressions: those of Python files, of stubs, and those in configuration files."""
    found = [*configured, *(each for facts in files for each in facts.suppressions)]
    return tuple(sorted([*found, *(each for path in stubs for each in of_pyi(root, path))]))


def counted(found: Sequence[Suppression]) -> Mapping[str, int]:
    """Return the number of suppressions, of each kind, and of those that say too little."""
    kinds = Counter(each.kind for each in found)
    listed = [each for each in found if each.kind not in UNCOUNTED]
    return {
        "suppressions": len(listed),
        **{f"suppressions_{kind}": kinds[kind] for kind in KINDS},
        "suppressions_blanket": sum(each.blanket for each in listed),
        "suppressions_reasonless": sum(not each.reason for each in listed),
        "coverage_exclusions": kinds["coverage"],
    }


def against_base(
    base: Base | None, files: Sequence[FileFacts], configured: Iterable[Suppression] = ()
) -> Mapping[str, int]:
    """Return what the change adds; nothing where there is no merge base, which the judge makes an error."""
    if base is None:
        return {}
    changed = {*base.changed_lines(), *base.differing()}
    touched = [facts for facts in files if facts.path in changed]
    roles = Counter(facts.role for facts in touched)
    added = sum(_added(base, facts) for facts in touched)
    added += _configured(base, [each for each in configured if each.path in changed])
    return {
        "suppressions_added": added,
        "changed_together": roles["test"] if roles["product"] else 0,
    }


def _added(base: Base, facts: FileFacts) -> int:
    """Return how many of a file's suppressions the base's version lacks: for each kind and rule apart."""
    now = _keys(facts.suppressions)
    if not now:
        return 0
    before = _keys(_at_base(facts, base.read(facts.path)))
    return (now - before).total()


def _configured(base: Base, found: Sequence[Suppression]) -> int:
    """Return how many of the suppressions in changed configuration files the base's versions lack."""
    paths = sorted({each.path for each in found})
    texts = {path: (base.read(path) or b"").decode("utf-8", "replace") for path in paths}
    before = [each for path, text in texts.items() for each in of_text(path, text)]
    return (_keys(found) - _keys(before)).total()


def _keys(found: Iterable[Suppression]) -> Counter[tuple[str, str, tuple[str, ...]]]:
    return Counter((each.kind, each.name, each.rules) for each in found if each.kind not in UNCOUNTED)


def _at_base(facts: FileFacts, data: bytes | None) -> tuple[Suppression, ...]:
    if data is None:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = syntax.parsed(data)
        return Module(facts.path, facts.role, data, tree).suppressions
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        # Nobody can say what it held: then all is new.
        return ()
