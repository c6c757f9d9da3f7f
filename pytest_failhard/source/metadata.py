"""What a project says of itself: which Python and which distributions it needs, whether pytest loads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from pytest_failhard.source.dependencies import declared
from pytest_failhard.source.files import pyproject

PYTEST_GROUP = "pytest11"


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """`dependencies` are normalized names of distributions that it needs without a condition.

    `requires_python` is empty where nothing is said, as is the normalized name of the `distribution`;
    `is_pytest_plugin` holds for an entry point `pytest11`.
    """

    requires_python: str = ""
    dependencies: frozenset[str] = frozenset()
    is_pytest_plugin: bool = False
    distribution: str = ""


NOTHING = Metadata()


def metadata(root: Path) -> Metadata:
    """Return what pyproject.toml and the requirements files say; raises GateError for a malformed one."""
    document = pyproject(root)
    project, poetry = _table(document, "project"), _table(_table(document, "tool"), "poetry")
    bound = project.get("requires-python")
    name = project.get("name") or poetry.get("name")
    groups = (_table(project, "entry-points"), _table(poetry, "plugins"))
    own = canonicalize_name(name) if isinstance(name, str) else ""
    return Metadata(
        requires_python=bound if isinstance(bound, str) else "",
        dependencies=declared(root),
        # pytest itself brings its hooks without an entry point.
        is_pytest_plugin=own == "pytest"
        or any(PYTEST_GROUP in each for each in groups)
        or _is_older_plugin(root),
        distribution=own,
    )


def _table(table: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _is_older_plugin(root: Path) -> bool:
    """Tell whether an entry point for pytest is declared in a build configuration of the older kind."""
    files = [root / name for name in ("setup.cfg", "setup.py") if (root / name).is_file()]
    return any(PYTEST_GROUP.encode() in path.read_bytes() for path in files)
