"""Reads the options of a policy that rules share, whatever form they came in."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.unit import Hit

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.rules.unit import StaticRule


def entries(options: Mapping[str, Option], name: str) -> Sequence[Mapping[str, str]]:
    """Return the tables of an option, each as texts by key; none where the option is not set."""
    given = options.get(name)
    tables = [each for each in given if isinstance(each, Mapping)] if isinstance(given, list | tuple) else []
    return [{str(key): str(value) for key, value in table.items()} for table in tables]


def texts(options: Mapping[str, Option], name: str) -> Sequence[str]:
    """Return the texts of an option; none where it is not set."""
    given = options.get(name)
    return [each for each in given if isinstance(each, str)] if isinstance(given, list | tuple) else []


def names(dotted: str, wanted: Iterable[str]) -> bool:
    """Tell whether a dotted name ends in one of the wanted names or globs, part by part."""
    return any(fnmatch.fnmatchcase(f".{dotted}", f"*.{each}") for each in wanted)


def unmatched(rule: StaticRule, option: str, entry: str, sub: str = "") -> Hit:
    """Return the hit of an entry that means nothing in the code: what it let through is gone, or misspelt."""
    return Hit(
        path="pyproject.toml",
        line=0,
        code=rule.code,
        name=rule.name,
        sub=sub,
        qualname=option,
        message=f"{entry or 'an entry without a name'} in {option} matches nothing in the code",
        fix="remove the entry, or correct its name",
        canonical=f"{option} {entry}",
    )
