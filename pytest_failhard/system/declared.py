"""Reads what the project's `pyproject.toml` declares about its system."""

from __future__ import annotations

from pathlib import Path

from pytest_failhard.model import GateError
from pytest_failhard.source import pyproject
from pytest_failhard.system.declaration import DeclarationError, System, parse


def read(root: Path) -> System | None:
    """Return what `[tool.failhard.system]` declares, None where there is no such table; raises GateError."""
    table: object = pyproject(root)
    for name in ("tool", "failhard", "system"):
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        return None
    try:
        return parse(table)
    except DeclarationError as error:
        raise GateError(str(error)) from None
