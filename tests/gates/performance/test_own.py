"""Our own benchmarks stand where our own configuration has the gate look: one elsewhere would not be measured."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pytest_failhard.gates.performance.trees.harness import FIXTURES, WORD

ROOT = Path(__file__).parents[3]


def _requested(path: Path) -> Iterator[str]:
    """Yield the fixtures that the functions of a test file ask for."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (argument.arg for argument in (*node.args.posonlyargs, *node.args.args))


def test_each_benchmark_of_ours_is_in_a_file_that_is_measured() -> None:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = tables["tool"]["failhard"]["performance"]["files"]
    collected = [path for name in ("test_*.py", "conftest.py") for path in (ROOT / "tests").rglob(name)]
    mentioned = [path for path in collected if WORD in path.read_bytes()]
    asking = [path for path in mentioned if FIXTURES.intersection(_requested(path))]
    assert sorted(path.relative_to(ROOT).as_posix() for path in asking) == named
