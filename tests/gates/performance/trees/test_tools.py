"""The tools of head's tests are shown to an environment of the base, with what they need."""

from __future__ import annotations

from pathlib import Path

from pytest_failhard.gates.performance.trees import tools
from pytest_failhard.gates.performance.trees.harness import Layout
from tests.support import write


def installed(site: Path, name: str, *needs: str) -> None:
    """Put a distribution of one module into a folder of packages."""
    folder = f"{name}-1.dist-info"
    required = "".join(f"Requires-Dist: {each}\n" for each in needs)
    write(
        site,
        {
            f"{name}.py": "",
            f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{required}",
            f"{folder}/RECORD": f"{name}.py,,\n{folder}/METADATA,,\n{folder}/RECORD,,\n",
        },
    )


def test_a_requirement_that_nobody_can_read_is_left_out(tmp_path: Path) -> None:
    site, base = tmp_path / "site", tmp_path / "base"
    own = write(base, {"lib/python3.11/site-packages/base.py": ""}) / "lib/python3.11/site-packages"
    installed(
        site, "pytest", "pluggy>=1", "a requirement of no known form", 'colorama; sys_platform == "none"'
    )
    for name in ("pluggy", "colorama", "app"):
        installed(site, name)
    root = write(
        tmp_path / "app",
        {"pyproject.toml": '[project]\nname = "app"\nversion = "1"\n', "tests/test_a.py": "import pytest\n"},
    )
    layout = Layout(
        root=root, source=("app",), tests=("tests",), product=frozenset(), listed=("tests/test_a.py",)
    )

    shown = tools.show(base / "bin" / "python", layout, ["tests/test_a.py"], [site], ())

    assert shown == ("pluggy", "pytest")
    linked = Path((own / tools.LINKED).read_text().strip())
    assert {path.name for path in linked.iterdir()} == {
        "pluggy.py",
        "pluggy-1.dist-info",
        "pytest.py",
        "pytest-1.dist-info",
        "app-1.dist-info",
    }
