"""docs/requirements.md: every row is there, and every test it names as evidence exists."""

from __future__ import annotations

import re
import subprocess
import sys
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


def collected(files: set[str]) -> set[str]:
    """Return the node ids that pytest collects in the files, with and without their parameters."""
    command = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", *sorted(files))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    ids = {line for line in done.stdout.splitlines() if "::" in line}
    return ids | {node.partition("[")[0] for node in ids}


def test_every_requirement_has_its_row() -> None:
    assert len(rows(TABLE.read_text("utf-8"))) == ROWS


def test_every_test_named_as_evidence_is_collected() -> None:
    named = {
        node: requirement
        for requirement, cell in rows(TABLE.read_text("utf-8")).items()
        for node in node_ids(cell)
    }
    files = {node.partition("::")[0] for node in named}
    known = collected(files) if files else set()
    assert {node: requirement for node, requirement in named.items() if node not in known} == {}


def test_a_test_that_does_not_exist_would_be_seen() -> None:
    this = "tests/test_requirements_table.py"
    known = collected({this})
    assert f"{this}::test_every_requirement_has_its_row" in known
    assert f"{this}::test_that_nobody_wrote" not in known
