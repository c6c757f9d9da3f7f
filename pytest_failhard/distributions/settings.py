"""What a project says about its declarations and locks: `[tool.failhard.dependencies]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pytest_failhard.model import GateError

TABLE = "[tool.failhard.dependencies]"


@dataclass(frozen=True, kw_only=True)
class SupplySettings:
    """Which files declare and lock, and which groups and extras are installed in production."""

    files: tuple[str, ...] = ()
    """Requirements files, relative to the root."""
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    """Lock files, relative to the root; empty for those that have a usual name."""


def read(document: Mapping[str, object]) -> SupplySettings:
    """Return the table of a parsed pyproject.toml; raises GateError with all mistakes."""
    mistakes: list[str] = []
    table = _table(_table(_table(document, "tool"), "failhard"), "dependencies")
    settings = SupplySettings(
        files=_paths(table, "files", mistakes),
        groups=_texts(table, "groups", mistakes),
        extras=_texts(table, "extras", mistakes),
        locks=_paths(table, "locks", mistakes),
    )
    if mistakes:
        raise GateError(f"pyproject.toml: {TABLE}: {'; '.join(mistakes)}")
    return settings


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _texts(table: Mapping[str, object], key: str, mistakes: list[str]) -> tuple[str, ...]:
    value = table.get(key, [])
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    mistakes.append(f'{key}: must be a list of texts, `{key} = ["..."]`')
    return ()


def _paths(table: Mapping[str, object], key: str, mistakes: list[str]) -> tuple[str, ...]:
    texts = _texts(table, key, mistakes)
    mistakes += [f"{key}: {text!r} is outside the project" for text in texts if not _is_inside(text)]
    return texts


def _is_inside(text: str) -> bool:
    path = PurePosixPath(text)
    return not path.is_absolute() and ".." not in path.parts
