"""Says of a suppression what is wrong with it, in a parsed file or in a stub."""

from __future__ import annotations

import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.model import GateError
from pytest_failhard.rules.data import gaming as data
from pytest_failhard.rules.unit import Hit
from pytest_failhard.source.listing import others
from pytest_failhard.source.suppression_forms import FILE
from pytest_failhard.source.suppressions import of_bytes

if TYPE_CHECKING:
    from pytest_failhard.rules.tree import Tree
    from pytest_failhard.source.suppressions import Suppression

BLANKET = ("FH701", "blanket-suppression")
UNREASONED = ("FH702", "unreasoned-suppression")


def blanket(found: Iterable[Suppression]) -> Iterator[Hit]:
    """Yield a hit for each that hides whatever there is."""
    for each in found:
        if each.blanket and each.kind not in data.NOT_BLANKET:
            why = each.flaw or ("it covers the whole file" if each.scope == FILE else "it names no rule")
            yield _hit(
                each, BLANKET, f"`{_short(each)}`: {why}", "name the one rule, on the one line, and why"
            )


def unreasoned(found: Iterable[Suppression]) -> Iterator[Hit]:
    """Yield a hit for each that names what it hides and not why."""
    for each in found:
        if not (each.blanket or each.reason) and each.kind not in data.NEEDS_NO_REASON:
            yield _hit(
                each,
                UNREASONED,
                f"`{_short(each)}`: no reason stands behind it or on the line above",
                "say in two words or more why it must be, or mend what it hides",
            )


def in_stubs(tree: Tree) -> Iterator[Hit]:
    """Yield both kinds of hits for the comments of all stub files."""
    yield from in_stubs_of(tree.root, others(tree.root, tree.nested, ".pyi"))


def in_stubs_of(root: Path, paths: Iterable[str]) -> Iterator[Hit]:
    """Yield the same for some stub files."""
    for path in paths:
        found = of_pyi(root, path)
        yield from (*blanket(found), *unreasoned(found))


def of_pyi(root: Path, path: str) -> tuple[Suppression, ...]:
    """Return the suppressions of a stub; raises GateError where it cannot be read."""
    try:
        return of_bytes(path, (root / path).read_bytes())
    except (OSError, SyntaxError, ValueError, tokenize.TokenError) as error:
        raise GateError(f"unreadable-source: {path}: its comments cannot be read: {error}") from None


def _short(each: Suppression) -> str:
    return each.text if len(each.text) <= data.SHOWN else f"{each.text[: data.SHOWN]}..."


def _hit(each: Suppression, rule: tuple[str, str], message: str, fix: str) -> Hit:
    code, name = rule
    return Hit(
        path=each.path,
        line=each.line,
        code=code,
        name=name,
        sub="",
        qualname=each.where,
        message=message,
        fix=fix,
        # Two tools in one comment are two suppressions.
        canonical=f"{each.name} {each.text}",
    )
