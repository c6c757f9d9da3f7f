"""The prototypes of development and production quality: whole projects, declared in full."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.system.declaration import LLM, System, parse
from tests.acceptance.twins import lay_out

PROTOTYPES = {
    "development": ("systems/dev_quality",),
    "production": ("systems/production_quality",),
    "production in full": ("systems/production_quality", "systems/production_quality_30"),
}
"""The last one is the second with a few files replaced."""
each_prototype = pytest.mark.parametrize("layers", PROTOTYPES.values(), ids=PROTOTYPES)


def laid_out(layers: tuple[str, ...], folder: Path) -> Path:
    for layer in layers:
        lay_out(layer, folder)
    return folder


def declared(folder: Path) -> System:
    return parse(tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["failhard"]["system"])


@each_prototype
def test_it_is_declared_in_full(layers: tuple[str, ...], tmp_path: Path) -> None:
    folder = laid_out(layers, tmp_path)
    system = declared(folder)
    table = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["failhard"]

    assert system.missing == ()
    [call] = table["llm"]["calls"]
    route = system.route(call["route"])
    assert route is not None
    assert route.needs == (LLM,)
    assert set(table["llm"]) <= set(LlmSettings.__dataclass_fields__)


@each_prototype
def test_every_module_can_be_read(layers: tuple[str, ...], tmp_path: Path) -> None:
    modules = sorted(laid_out(layers, tmp_path).rglob("*.py"))

    assert modules
    assert all(ast.parse(module.read_text()).body for module in modules)


def test_the_last_one_replaces_files_and_adds_none(tmp_path: Path) -> None:
    base, patch = (
        lay_out(layer, tmp_path / str(number))
        for number, layer in enumerate(PROTOTYPES["production in full"])
    )

    changed = {path.relative_to(patch) for path in patch.rglob("*") if path.is_file()}
    assert {str(path) for path in changed} == {"gunicorn.conf.py", "shop/model.py", "shop/readiness.py"}
    assert all((base / path).read_text() != (patch / path).read_text() for path in changed)
