"""What a project says of itself is read from every place where it may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.source.metadata import Metadata, metadata
from tests.support import write

PROJECT = """
[project]
name = "My.Shop"
requires-python = ">=3.11"
dependencies = ["httpx>=0.27", "rich; python_version < '3.12'"]
"""


def test_nothing_is_said(tmp_path: Path) -> None:
    assert metadata(tmp_path) == Metadata()


def test_a_project_table(tmp_path: Path) -> None:
    assert metadata(write(tmp_path, {"pyproject.toml": PROJECT})) == Metadata(
        requires_python=">=3.11", dependencies=frozenset({"httpx"}), distribution="my-shop"
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", '[project]\nname = "x"\n[project.entry-points.pytest11]\nx = "x.plugin"\n'),
        ("pyproject.toml", '[tool.poetry]\nname = "x"\n[tool.poetry.plugins.pytest11]\nx = "x.plugin"\n'),
        ("pyproject.toml", '[project]\nname = "pytest"\n'),
        ("setup.cfg", "[options.entry_points]\npytest11 =\n    x = x.plugin\n"),
        ("setup.py", "setup(entry_points={'pytest11': ['x = x.plugin']})\n"),
    ],
    ids=["project", "poetry", "pytest itself", "setup.cfg", "setup.py"],
)
def test_a_plugin_of_pytest(path: str, text: str, tmp_path: Path) -> None:
    assert metadata(write(tmp_path, {path: text})).is_pytest_plugin


def test_a_malformed_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"pyproject\.toml"):
        metadata(write(tmp_path, {"pyproject.toml": "[project\n"}))
