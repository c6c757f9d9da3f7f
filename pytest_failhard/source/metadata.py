"""What a project says of itself: which Python and which distributions it needs, whether pytest loads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.source.dependencies import declared
from pytest_failhard.source.files import pyproject

PYTEST_GROUP = "pytest11"


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
    return Metadata(
        requires_python=bound if isinstance(bound, str) else "",
        dependencies=declared(root),
        is_pytest_plugin=_is_pytest_plugin(root, project, pyproject(root).get("tool")),
    )


def _is_pytest_plugin(root: Path, project: Mapping[str, object], tool: object) -> bool:
    """Tell whether an entry point for pytest is declared, in whatever build configuration."""
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    groups = (project.get("entry-points"), poetry.get("plugins") if isinstance(poetry, dict) else None)
    if any(isinstance(group, dict) and PYTEST_GROUP in group for group in groups):
        return True
    older = [root / name for name in ("setup.cfg", "setup.py") if (root / name).is_file()]
    return any(PYTEST_GROUP.encode() in path.read_bytes() for path in older)
