"""Which Python files are read, and which belong to another project."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.source.listing import Listing, others, python_files
from tests.support import write

PROJECT = "[project]\nname = 'demo'\nversion = '1'\n"


def listed(tmp_path: Path, files: dict[str, str], *roots: str) -> Listing:
    root = write(tmp_path / "p", {"app/a.py": "", **files})
    return python_files(root, ("app", *roots), ())


def test_a_project_among_the_examples_is_another_project(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        {
            "examples/shop/pyproject.toml": PROJECT,
            "examples/shop/shop.py": "",
            "examples/shop/tests/test_a.py": "",
            "examples/shop/inner/pyproject.toml": PROJECT,
            "examples/plain.py": "",
        },
    )
    assert found.nested == ("examples/shop",)
    assert found.excluded == ("examples/shop/shop.py", "examples/shop/tests/test_a.py")
    assert [file.path for file in found.files] == ["app/a.py", "examples/plain.py"]


@pytest.mark.parametrize(
    "files",
    [
        {"examples/shop/pyproject.toml": "[tool.ruff]\n", "examples/shop/shop.py": ""},
        {"examples/shop/pyproject.toml": "not toml", "examples/shop/shop.py": ""},
        {"examples/shop/shop.py": ""},
        {"packages/shop/pyproject.toml": PROJECT, "packages/shop/shop.py": ""},
        {"app/examples/shop/pyproject.toml": PROJECT, "app/examples/shop/shop.py": ""},
    ],
    ids=["no project table", "malformed", "no file", "no example", "below a product root"],
)
def test_whatever_else_is_ours(tmp_path: Path, files: dict[str, str]) -> None:
    found = listed(tmp_path, files)
    assert (found.nested, found.excluded) == ((), ())
    assert len(found.files) == 2


def test_a_root_inside_it_makes_it_ours(tmp_path: Path) -> None:
    files = {"examples/shop/pyproject.toml": PROJECT, "examples/shop/code/a.py": ""}
    assert listed(tmp_path, files, "examples/shop/code").nested == ()


def test_what_the_product_imports_is_read_wherever_it_is(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        {
            "app/b.py": "from examples.shop.shop import order\n",
            "examples/__init__.py": "",
            "examples/shop/__init__.py": "",
            "examples/shop/pyproject.toml": PROJECT,
            "examples/shop/shop.py": "",
            "examples/shop/other.py": "",
        },
    )
    assert found.excluded == ("examples/shop/other.py",)
    assert {file.path: file.role for file in found.files}["examples/shop/shop.py"] == "product"


def test_files_of_other_kinds(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.pyi": "", "x.pth": "", "examples/shop/b.pyi": "", "app/a.py": ""})
    assert others(root, ("examples/shop",), ".pyi", ".pth") == ("app/a.pyi", "x.pth")
