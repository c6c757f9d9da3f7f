"""Reads the few keys of a project's ruff configuration that describe its layout, and no others."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pytest_failhard.model import GateError
from pytest_failhard.source.files import pyproject

LOWEST_MINOR, HIGHEST_MINOR = 7, 14


def layout(root: Path) -> dict[str, str]:
    """Return the project's layout keys as TOML values; raises GateError for a value of the wrong type."""
    table = _table(root)
    lint = table.get("lint")
    isort = (lint if isinstance(lint, dict) else table).get("isort")
    keys: dict[str, object] = {
        "line-length": table.get("line-length"),
        "indent-width": table.get("indent-width"),
        "lint.isort.known-first-party": isort.get("known-first-party") if isinstance(isort, dict) else None,
    }
    source = _strings("src", table.get("src", [".", "src"]))
    values = {key: _value(key, value) for key, value in keys.items() if value is not None}
    return {**values, "src": _toml([str(root / name) for name in source])}


def _table(root: Path) -> Mapping[str, object]:
    for name in (".ruff.toml", "ruff.toml"):
        if (root / name).is_file():
            try:
                return tomllib.loads((root / name).read_text("utf-8"))
            except (OSError, ValueError, RecursionError) as error:
                raise GateError(f"{name}: {error}") from None
    tool = pyproject(root).get("tool")
    table = tool.get("ruff") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else {}


def _value(key: str, value: object) -> str:
    if key.endswith("first-party"):
        return _toml(_strings(key, value))
    if not isinstance(value, int) or isinstance(value, bool):
        raise GateError(f"ruff's {key} is {value!r}; it must be an integer")
    return str(value)


def _strings(key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise GateError(f"ruff's {key} is {value!r}; it must be a list of strings")
    return value


def _toml(values: list[str]) -> str:
    return json.dumps(values, ensure_ascii=False)  # a JSON list of strings is a TOML one


def target_version(root: Path) -> str:
    """Return the lowest version that `requires-python` allows, as ruff writes it; else the running one."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    project = pyproject(root).get("project")
    wanted = project.get("requires-python") if isinstance(project, dict) else None
    if wanted is None:
        return f"py3{sys.version_info.minor}"
    try:
        allowed = SpecifierSet(str(wanted))
    except InvalidSpecifier as error:
        raise GateError(f"pyproject.toml: requires-python: {error}") from None
    # The last patch release stands for its minor version: `>=3.11.4` still means 3.11.
    minors = [minor for minor in range(LOWEST_MINOR, HIGHEST_MINOR + 1) if f"3.{minor}.99" in allowed]
    if not minors:
        raise GateError(
            f"pyproject.toml: requires-python {wanted!r} allows no version from "
            f"3.{LOWEST_MINOR} to 3.{HIGHEST_MINOR}"
        )
    return f"py3{minors[0]}"
