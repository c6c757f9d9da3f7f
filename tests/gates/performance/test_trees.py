"""The two trees: which code each side has, and loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gates.performance.repositories import WHICH, built, collected, repository, run_of

SHAPES = {
    "flat": ({}, "app/__init__.py"),
    "package of tests": ({"tests/__init__.py": ""}, "app/__init__.py"),
    "pythonpath": ({"pytest.ini": "[pytest]\npythonpath = .\n"}, "app/__init__.py"),
    "root conftest": ({"conftest.py": ""}, "app/__init__.py"),
    "src": ({}, "src/app/__init__.py"),
    "src on the pythonpath": (
        {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\naddopts = "-n 2"\n'},
        "src/app/__init__.py",
    ),
    "module": ({}, "app.py"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_side_loads_its_own_code(tmp_path: Path, shape: str) -> None:
    extra, module = SHAPES[shape]
    base = {**extra, module: "NAME = 'base'\n", "tests/test_speed.py": WHICH}
    root = repository(tmp_path / "project", base, {module: "NAME = 'head'\n"})
    trees = built(run_of(root, source=(module.removesuffix("/__init__.py"),)))
    for side in (trees.base, *([trees.head] if shape == "flat" else [])):
        done = collected(side)
        assert f"ran {side.tree.name} {side.tree / module}" in done.stdout, done.stdout + done.stderr
