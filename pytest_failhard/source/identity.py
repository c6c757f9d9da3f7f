"""Says what the project itself is: its distribution, and whether it is a plugin of pytest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from pytest_failhard.source.files import pyproject

GROUP = "pytest11"


def identity(root: Path) -> Mapping[str, str | bool]:
    """Return `distribution` (canonical, empty for none) and `is_pytest_plugin`, as pyproject.toml says.

    Raises GateError for a malformed file.
    """
    document = pyproject(root)
    project, tool = _table(document, "project"), _table(document, "tool")
    poetry = _table(tool, "poetry")
    name = project.get("name") or poetry.get("name")
    groups = (_table(project, "entry-points"), _table(poetry, "plugins"))
    return {
        "distribution": canonicalize_name(name) if isinstance(name, str) else "",
        "is_pytest_plugin": any(GROUP in group for group in groups),
    }


def _table(table: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}
