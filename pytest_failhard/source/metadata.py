"""What a project says of itself: which Python and which distributions it needs, whether pytest loads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.source.dependencies import declared
from pytest_failhard.source.files import pyproject


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """`dependencies` are normalized names of distributions that it needs without a condition.

    `requires_python` is empty where nothing is said; `is_pytest_plugin` holds for an entry point `pytest11`.
    """

    requires_python: str = ""
    dependencies: frozenset[str] = frozenset()
    is_pytest_plugin: bool = False


NOTHING = Metadata()


def metadata(root: Path) -> Metadata:
    """Return what pyproject.toml and the requirements files say; raises GateError for a malformed one."""
    table = pyproject(root).get("project")
    project = table if isinstance(table, dict) else {}
    bound = project.get("requires-python")
    entries = project.get("entry-points")
    return Metadata(
        requires_python=bound if isinstance(bound, str) else "",
        dependencies=declared(root),
        is_pytest_plugin=isinstance(entries, dict) and "pytest11" in entries,
    )
