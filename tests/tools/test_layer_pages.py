"""The page on the design names every module with what it does."""

from __future__ import annotations

from pathlib import Path

from tests.support import write
from tools import layer_pages


def test_each_module_of_each_layer_has_its_sentence(tmp_path: Path) -> None:
    layers = '[[tool.importlinter.contracts]]\ntype = "layers"\nlayers = ["top", "one | two : three"]\n'
    other = '[[tool.importlinter.contracts]]\ntype = "forbidden"\n'
    root = write(
        tmp_path,
        {
            "pyproject.toml": layers + other,
            "pytest_failhard/top/__init__.py": '"""Begins a|b.\n\nMore of it.\n"""\n',
            "pytest_failhard/one.py": '"""Goes on."""\n',
            "pytest_failhard/two.py": "",
            "pytest_failhard/three.py": '"""Ends."""\n',
        },
    )
    assert layer_pages.table(root).splitlines()[2:] == [
        r"| 1 | `top` | Begins a\|b. |",
        "| 2 | `one` | Goes on. |",
        "|  | `two` |  |",
        "|  | `three` | Ends. |",
    ]
