"""The generated pages are those of the code, and drift is seen."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = """\
Lint: rules.

Why:
    It rots.

Fails when:
    violations

Fix:
    ruff

Waive:
    Not waivable
"""
SHIPPED = {
    1: {"gates": {"lint": {"fail_at": "medium"}}},
    2: {"gates": {"tests": {"fail_at": "high"}, "lint": {"fail_at": "none", "at_most": {"violations": 0}}}},
}


@pytest.fixture(name="generate")
def generate_fixture() -> ModuleType:
    """Return tools/generate_docs.py, which is a program and no package, as a module."""
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tools" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_pages_are_those_of_the_code(
    generate: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    status = generate.main(["--check"])
    assert (status, capsys.readouterr().out) == (0, "")


def test_a_stale_page_is_named_and_fails(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("docs", "gates", "policies"):
        (tmp_path / folder).mkdir()
    (tmp_path / "README.md").write_text("a\n<!-- generated: gates -->\nold\n<!-- end -->\nb\n")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "README.md: differs from the code" in capsys.readouterr().out
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert (tmp_path / "README.md").read_text().endswith("<!-- end -->\nb\n")


def test_gates_stand_in_the_order_of_the_policies(generate: ModuleType) -> None:
    assert generate.order(SHIPPED, ["extra", "lint", "tests"]) == ["tests", "lint", "extra"]


def test_a_level_says_what_it_demands(generate: ModuleType) -> None:
    assert generate.levels_table({"lint": DOCUMENT}, SHIPPED).splitlines()[2] == (
        "| `lint` | no finding of severity medium or above | `violations` ≤ 0 | - | - |"
    )


@pytest.mark.parametrize(
    "document",
    [
        "",
        "Lint: rules.",
        DOCUMENT.replace("ruff", ""),
        DOCUMENT.replace("Why:", "Fix:"),
        DOCUMENT + "Why:\n    x\n",
    ],
)
def test_a_gate_without_its_sections_is_refused(generate: ModuleType, document: str) -> None:
    with pytest.raises(generate.DocsError, match="gates/lint"):
        generate.sections("lint", document)


def test_an_unknown_block_is_refused(generate: ModuleType) -> None:
    with pytest.raises(generate.DocsError, match="unknown block gate"):
        generate.replaced("<!-- generated: gate -->\n<!-- end -->", {"gates": ""}, "README.md")
