"""docs/writing-a-gate.md: its gate works as it is printed, with what is kept stable alone."""

from __future__ import annotations

import ast
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

import pytest_failhard
from pytest_failhard import GateError
from tests.support import write

PAGE = Path(__file__).parents[1] / "docs" / "writing-a-gate.md"
CODE = PAGE.read_text("utf-8").partition("```python\n")[2].partition("```")[0]


@dataclass
class Ground:
    """What the gate of the page touches of a run."""

    root: Path
    source: tuple[str, ...] = ("shop",)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    made = types.ModuleType("headers_of_the_page")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(compile(CODE, PAGE.name, "exec"), vars(made))
    return made


def test_the_gate_of_the_page_sees_what_it_says(module: types.ModuleType, tmp_path: Path) -> None:
    write(tmp_path, {"shop/good.py": '"""Good."""\n', "shop/deep/bare.py": "a = 1\n"})
    seen = module.HeadersGate().observe(Ground(tmp_path))
    assert (seen.examined, seen.measures) == (2, {"undocumented": 1})
    assert [each.path for each in seen.findings] == ["shop/deep/bare.py"]
    assert module.HeadersGate().observe(Ground(tmp_path, ("none",))).examined == 0
    write(tmp_path, {"shop/bad.py": "def f(:\n"})
    with pytest.raises(GateError, match="unreadable: "):
        module.HeadersGate().observe(Ground(tmp_path))


def test_it_imports_nothing_of_ours_but_what_is_kept_stable() -> None:
    ours = [
        (node.module, name.name)
        for node in ast.walk(ast.parse(CODE))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("pytest_failhard")
        for name in node.names
    ]
    assert {place for place, _ in ours} == {"pytest_failhard"}
    assert {name for _, name in ours} <= {*pytest_failhard.__all__}
