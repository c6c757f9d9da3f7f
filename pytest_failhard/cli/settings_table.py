"""Adds the keys of `[tool.failhard]`: what was given, what the files say, gaps that a person fills."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING

import tomlkit

from pytest_failhard.cli.setting_up import Given, Notes, table
from pytest_failhard.source import files

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "[tool.failhard]"
REQUIREMENTS = ("docs/requirements.md", "REQUIREMENTS.md", "README.md", "README.rst")
COMMENTS = {
    "level": "1 proof of concept, 2 development, 3 pre-production, 4 production",
    "purpose": "fill in: one sentence, what the system does and for whom",
    "requirements": "fill in: the file that lists what the system must do",
    "expected_load": "fill in: peak requests per second and users a day",
    "source": "what is judged: folders and modules of the product",
    "tests": "where its tests are",
}


def add(document: tomlkit.TOMLDocument, root: Path, given: Given, blocks: list[str], notes: Notes) -> None:
    """Add the keys that are missing; a table that is not there yet is a further block."""
    found = table(document, "tool", "failhard")
    there = dict(found or {})
    values = _values(document, root, given, there, notes)
    missing = {key: value for key, value in values.items() if key not in there}
    better = {key: values[key] for key in given.values() if _gives_way(key, there, given)}
    kept = [key for key in values if key in there and key not in better]
    if kept:
        notes.kept.append(f"{HEADER} has {', '.join(kept)} already")
    if missing:
        notes.added.append(f"{HEADER}: {', '.join(missing)}")
    if better:
        notes.replaced.append(f"{HEADER}: {', '.join(better)}")
    if found is None:
        fresh = tomlkit.table()
        _assign(fresh, missing)
        blocks.append(f"{HEADER}\n{fresh.as_string()}")
    else:
        _assign(found, {**missing, **better})
    notes.unfilled += [key for key, value in {**values, **there, **better}.items() if _is_open(key, value)]
    notes.to_do += [f"{HEADER} {key}: {COMMENTS[key]}" for key in notes.unfilled]


def _gives_way(key: str, there: Mapping[str, object], given: Given) -> bool:
    """Tell whether what stands there is replaced: it is a gap, or the person insists."""
    return key in there and (_is_open(key, there[key]) or (given.force and there[key] != given.values()[key]))


def _assign(found: MutableMapping[str, object], values: Mapping[str, object]) -> None:
    for key, value in values.items():
        found[key] = _item(value).comment(COMMENTS[key])


def _item(value: object) -> tomlkit.items.Item:
    if not isinstance(value, dict):
        return tomlkit.item(value)
    inline = tomlkit.inline_table()
    inline.update(value)
    return inline


def _is_open(key: str, value: object) -> bool:
    """Tell whether a value is the gap that a person has to fill."""
    return key in COMMENTS and (value == "" or (isinstance(value, dict) and 0 in value.values()))


def _values(
    document: tomlkit.TOMLDocument, root: Path, given: Given, there: Mapping[str, object], notes: Notes
) -> dict[str, object]:
    description = (table(document, "project") or {}).get("description")
    values: dict[str, object] = {
        "level": 1,
        "purpose": str(description) if isinstance(description, str) else "",
        "requirements": next((name for name in REQUIREMENTS if (root / name).is_file()), ""),
        "expected_load": {"rps": 0, "daily_users": 0},
        **given.values(),
    }
    roots = {"source": files.default_source(root, document), "tests": files.default_tests(root)}
    for key, names in roots.items():
        if names:
            values[key] = list(names)
        elif key not in there:
            notes.to_do.append(f"{HEADER} {key}: nothing found; {COMMENTS[key]}")
    return values
