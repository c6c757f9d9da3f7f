"""docs/requirements.md: every row is there, and every test it names as evidence exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "requirements.md"
ROWS = 112
COLUMNS = 5


def rows(text: str) -> dict[str, str]:
    """Return the evidence cell of each row by its id."""
    found = {}
    for line in text.splitlines():
        if re.match(r"\| 00\d-\d+ \|", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == COLUMNS, line
            assert cells[0] not in found, f"{cells[0]} stands twice"
            found[cells[0]] = cells[4]
    return found


def node_ids(cell: str) -> list[str]:
    """Return the node ids of a cell; whatever is in it must be one, in backquotes, commas between."""
    named = [part.strip() for part in cell.split(",") if part.strip()]
    assert all(re.fullmatch(r"`tests/[^`]+\.py::[^`]+`", name) for name in named), cell
    return [name.strip("`") for name in named]


def written(file: str) -> set[str]:
    """Return the node ids of the tests in a file, without parameters: to collect all files takes too long."""
    found = set()
    for node in ast.parse((ROOT / file).read_text("utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        where = f"{file}::{node.name}" if isinstance(node, ast.ClassDef) else file
        functions = (each for each in inner if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)))
        found |= {f"{where}::{each.name}" for each in functions if each.name.startswith("test_")}
    return found


def test_every_requirement_has_its_row() -> None:
    assert len(rows(TABLE.read_text("utf-8"))) == ROWS


def test_every_test_named_as_evidence_exists() -> None:
    named = {
        node.partition("[")[0]: requirement
        for requirement, cell in rows(TABLE.read_text("utf-8")).items()
        for node in node_ids(cell)
    }
    known = set().union(*(written(file) for file in {node.partition("::")[0] for node in named}))
    assert named
    assert {node: requirement for node, requirement in named.items() if node not in known} == {}


def test_a_test_that_does_not_exist_would_be_seen() -> None:
    this = "tests/test_requirements_table.py"
    known = written(this)
    assert f"{this}::test_every_requirement_has_its_row" in known
    assert f"{this}::test_that_nobody_wrote" not in known
