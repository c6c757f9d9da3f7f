"""What the acceptance tests share: the green project, and scratch environments made once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.keeping import Record
from tests.acceptance.project import copy, green
from tests.acceptance.scratch import TOOLS, Fault, Scratch, scratch

Environment = Callable[[str, Fault], Path]


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """What keeps the rows of this test."""
    return Record(request.node.user_properties)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The green project, never run."""
    return green(tmp_path_factory.mktemp("template") / "shop")


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """A fresh copy of the green project."""
    return copy(template, tmp_path / "shop")


@pytest.fixture(scope="session")
def scratches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scratch]:
    """The scratch environments that exist so far, by what is put into them."""
    return {"": scratch(tmp_path_factory.mktemp("scratch") / "venv")}


@pytest.fixture
def interpreter(scratches: dict[str, Scratch], request: pytest.FixtureRequest) -> Environment:
    """Return the interpreter on which a tool obeys a fault; the running one where no tool is named."""

    def choose(tool: str, fault: Fault) -> Path:
        if not tool:
            return Path(sys.executable)
        environment: Scratch = request.getfixturevalue("scratches")[""]
        root = str(request.getfixturevalue("project"))
        environment.obey(
            {
                name: value.replace("{root}", root) if isinstance(value, str) else value
                for name, value in fault.items()
            }
        )
        if tool == "gate":
            environment.install_gate()
        elif fault.get("kind") == "absent":
            environment.remove(tool)
        else:
            version = str(fault["value"]) if fault.get("kind") == "version" else "99.0"
            environment.install_tool(tool, version)
            if fault.get("kind") == "modified":
                environment.modify(tool)
        return environment.executable

    assert set(TOOLS) == {"ruff", "mypy", "bandit"}
    return choose
