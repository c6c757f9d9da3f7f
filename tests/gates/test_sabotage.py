"""Without the product: what is run so, what is not worth running, and what cannot be."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_failhard.gates.integrity import IntegrityGate, sabotaged
from pytest_failhard.gates.integrity.sabotage import Survived, sabotage
from pytest_failhard.rules.scan import scan_project
from tests.support import gate_run, write

TEST = "tests/test_validation.py"
HIGH = {"survives-sabotage": "high"}
PASSES = "def test_it():\n    assert 1\n"
NO_INTERPRETER = Path("no-interpreter")


def survived(
    tmp_path: Path,
    files: Mapping[str, str],
    executable: Path = NO_INTERPRETER,
    severity: Mapping[str, str] = HIGH,
) -> Survived:
    """Run what would be run of a project; without an interpreter, anything that is run is named."""
    root = write(tmp_path / "p", {"shop/__init__.py": "", "shop/pool.py": "SIZE = 1\n", **files})
    run = gate_run(root, IntegrityGate(), source=("shop",), tests=("tests",), executable=executable)
    return sabotage(run, scan_project(root, ("shop",), ("tests",)), severity, 20)


@dataclass(frozen=True)
class Phase:
    """One phase of a test, as pytest reports it."""

    nodeid: str
    passed: bool


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        pytest.param({TEST: PASSES}, {}, id="not-asked-for"),
        pytest.param({TEST: PASSES}, {"survives-sabotage": "off"}, id="off"),
        pytest.param({"tests/test_pool.py": PASSES}, HIGH, id="another-name"),
        pytest.param({"tests/validation.py": PASSES}, HIGH, id="not-collected"),
        pytest.param({TEST: "X = 1\n"}, HIGH, id="no-tests"),
        pytest.param({"tests/samples/test_validation.py": PASSES}, HIGH, id="sample"),
        pytest.param({TEST: "import shop.pool\n" + PASSES}, HIGH, id="imports"),
        pytest.param({TEST: "from shop import pool\n" + PASSES}, HIGH, id="imports-from"),
        pytest.param({TEST: PASSES, "tests/conftest.py": "import shop\n"}, HIGH, id="conftest"),
    ],
)
def test_what_certainly_does_not_survive_is_not_run(
    tmp_path: Path, files: Mapping[str, str], severity: Mapping[str, str]
) -> None:
    assert survived(tmp_path, files, severity=severity) == Survived()


@pytest.mark.parametrize(
    "text", [PASSES, "try:\n    import shop\nexcept ImportError:\n    shop = None\n" + PASSES]
)
def test_what_cannot_be_run_is_named_and_counts_as_low(tmp_path: Path, text: str) -> None:
    seen = survived(tmp_path, {TEST: text})

    assert [(each.rule, each.severity.name) for each in seen.findings] == [("sabotage-unfinished", "LOW")]
    assert seen.measures == {}


def test_conftest_that_needs_the_product_in_a_roundabout_way(tmp_path: Path) -> None:
    seen = survived(
        tmp_path,
        {TEST: PASSES, "tests/conftest.py": "import importlib\n\nimportlib.import_module('shop.pool')\n"},
        Path(sys.executable),
    )

    assert (seen.findings, seen.measures["tests_sabotaged"]) == ((), 0)


def test_pytest_that_ends_before_its_time(tmp_path: Path) -> None:
    ends = "import os\n\n\ndef test_it():\n    os._exit(3)\n"
    seen = survived(tmp_path, {TEST: ends}, Path(sys.executable))

    assert [each.rule for each in seen.findings] == ["sabotage-unfinished"]
    assert "before it had run anything" in seen.findings[0].fix


def test_the_system_cannot_be_started_either(tmp_path: Path) -> None:
    starts = (
        "import pathlib, subprocess, tomllib\n\n\ndef test_it():\n"
        "    said = tomllib.loads(pathlib.Path('pyproject.toml').read_text())['tool']['failhard']['system']\n"
        "    assert said['port_env'] == 'PORT'\n"
        "    assert subprocess.run(said['start']).returncode == 1\n"
    )
    declared = '[tool.failhard.system]\nkind = "http"\nstart = ["sh", "-c",\n  "exit 0"]\nport_env = "PORT"\n'
    seen = survived(tmp_path, {TEST: starts, "pyproject.toml": declared}, Path(sys.executable))

    assert [(each.rule, each.path, each.severity.name) for each in seen.findings] == [("FV8", TEST, "HIGH")]


def test_the_product_cannot_be_imported_and_all_else_can() -> None:
    finder = sabotaged.Sabotage(frozenset({"shop.pool"}))

    finder.find_spec("shop")
    with pytest.raises(ImportError, match=r"shop\.pool is sabotaged"):
        finder.find_spec("shop.pool", None, None)


def test_only_a_test_of_which_every_phase_passed_has_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sabotaged, "passed", {})
    monkeypatch.setattr(sabotaged, "ran", set())
    monkeypatch.setenv(sabotaged.RECORD, str(tmp_path / "record.json"))
    for nodeid, outcomes in {"a": (True, True, True), "b": (True, True, False), "c": (True, False)}.items():
        for outcome in outcomes:
            sabotaged.pytest_runtest_logreport(Phase(nodeid, outcome))
    sabotaged.pytest_sessionfinish()

    assert json.loads((tmp_path / "record.json").read_text()) == {"ran": 3, "survived": ["a"]}
