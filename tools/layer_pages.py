"""Writes what every module of ours alone does, layer by layer, as `lint-imports` enforces them."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "pytest_failhard"
SEPARATORS = re.compile(r"\s*[:|]\s*")


def table(root: Path = ROOT) -> str:
    """Return a row for each module or package, the uppermost layer first."""
    rows = ["| layer | module | what it alone does |", "|---:|---|---|"]
    for number, modules in enumerate(_layers(root), 1):
        for place, name in enumerate(modules):
            rows.append(f"| {'' if place else number} | `{name}` | {_sentence(root / PACKAGE, name)} |")
    return "\n".join((*rows, ""))


def _layers(root: Path) -> Iterator[list[str]]:
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    (contract,) = (each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    for layer in contract["layers"]:
        yield SEPARATORS.split(layer)


def _sentence(package: Path, name: str) -> str:
    file = package / name / "__init__.py"
    text = (file if file.is_file() else package / f"{name}.py").read_text("utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return first.replace("|", r"\|")
