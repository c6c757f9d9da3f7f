"""The prototypes and twins under the gate `system` and its policies: what each level must say of them."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_failhard.config import merge_settings
from pytest_failhard.gates.system import SystemGate
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.judge import judge
from pytest_failhard.model import Result, Severity, Verdict
from pytest_failhard.policy import load
from tests.acceptance.twins import lay_out, missing_parts, text_perfect
from tests.size import FULL, in_full
from tests.support import GATES, TODAY, Kept, gate_run, write
from tests.system.wheels import installed, offline, wheel

SECONDS = 600.0
FASTAPI = "class FastAPI:\n    def __init__(self, **_): pass\n"
DEVELOPMENT = ("systems/dev_quality",)
PRODUCTION = ("systems/production_quality",)
IN_FULL = (*PRODUCTION, "systems/production_quality_30")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a level must say: the checks that fail, and the score where it is stated."""

    layers: tuple[str, ...]
    level: int
    failing: frozenset[str] = frozenset()
    score: str = ""


PROTOTYPES = {
    "development 1": Expected(layers=DEVELOPMENT, level=1, failing=frozenset({"R3", "R9", "R11"})),
    "development 3": Expected(
        layers=DEVELOPMENT, level=3, failing=frozenset({"R3", "R9", "R11"}), score="8/30 (26.7 %)"
    ),
    "production 2": Expected(layers=PRODUCTION, level=2),
    "production 3": Expected(
        layers=PRODUCTION, level=3, failing=frozenset({"R4", "R11"}), score="27/30 (90.0 %)"
    ),
    "production in full 3": Expected(layers=IN_FULL, level=3, score="30/30 (100.0 %)"),
}


def judged(root: Path, level: int, source: tuple[str, ...], scratch: Path) -> tuple[Result, str]:
    """Return the result of the shipped policy, and the score."""
    gate, keep = SystemGate(), Kept()
    rule = next(each for each in load(level, GATES, today=TODAY).rules if each.gate == gate.id)
    settings = merge_settings(gate.id, SystemSettings, rule, {})
    run = gate_run(
        root, gate, scratch=scratch, settings=settings, level=level, source=source, seconds=SECONDS, keep=keep
    )
    try:
        result = judge(rule, gate.observe(run), (), TODAY)
    finally:
        run.close()
    card: Mapping[str, str] = json.loads(keep.files["scorecard.json"])
    return result, card["score"]


@in_full
@pytest.mark.parametrize("expected", PROTOTYPES.values(), ids=PROTOTYPES)
def test_a_prototype_is_judged_as_it_deserves(expected: Expected, tmp_path: Path) -> None:
    for layer in expected.layers:
        lay_out(layer, tmp_path / "system")
    table = tomllib.loads((tmp_path / "system" / "pyproject.toml").read_text())
    source = tuple(table["tool"]["failhard"]["source"])
    result, score = judged(tmp_path / "system", expected.level, source, tmp_path / "scratch")
    failing = {
        found.rule.partition("-")[0]
        for found in result.findings
        if found.severity >= Severity.MEDIUM and found.rule.startswith("R")
    }
    assert failing >= expected.failing, result.because
    assert result.verdict is (Verdict.FAIL if expected.failing else Verdict.PASS), result.because
    assert score == (expected.score or score)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return the variables by which packages come from a folder of wheels, and are kept in another."""
    folder = tmp_path_factory.mktemp("shelf")
    wheels = folder / "wheels"
    installed(wheels, "flask", "gunicorn")
    wheel(wheels, "psycopg2_binary", "2.9.10", {"psycopg2.py": text_perfect.PSYCOPG2})
    wheel(wheels, "fastapi", "0.115.6", {"fastapi.py": FASTAPI})
    wheel(wheels, "uvicorn", "0.34.0")
    return offline(folder, wheels)


@pytest.fixture
def alone(shelf: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "FAILHARD_"))]:
        monkeypatch.delenv(name)
    for name, value in shelf.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("level", [1, 4] if FULL else [4])
def test_the_twin_with_the_perfect_text_fails_at_every_level(level: int, tmp_path: Path) -> None:
    root = write(tmp_path / "system", text_perfect.FILES)
    result, score = judged(root, level, ("main.py", "components"), tmp_path / "scratch")
    assert result.verdict is Verdict.FAIL, result.because
    assert "R1-import-unresolved" in {found.rule for found in result.findings}, result.because
    assert int(score.partition("/")[0]) <= 2


@pytest.mark.usefixtures("alone")
def test_the_twin_with_missing_parts_fails(tmp_path: Path) -> None:
    root = write(tmp_path / "system", missing_parts.INSTALLABLE)
    result, _ = judged(root, 1, ("main.py", "app"), tmp_path / "scratch")
    assert result.verdict is Verdict.FAIL, result.because


COMMENTS = """\
[project]
name = "comments"
version = "1"
[tool.failhard]
purpose = "nothing"
requirements = "main.py"
expected_load = { rps = 1, daily_users = 1 }
[tool.failhard.system]
kind = "http"
start = ["python", "main.py"]
port_env = "PORT"
ready = "/health"
secrets = []
"""


@pytest.mark.usefixtures("alone")
def test_the_folder_of_comments_ends_as_soon_as_it_is_started(tmp_path: Path) -> None:
    root = write(lay_out("comments_only", tmp_path / "system"), {"pyproject.toml": COMMENTS, "README.md": ""})
    result, score = judged(root, 1, ("main.py",), tmp_path / "scratch")
    assert result.verdict is Verdict.FAIL, result.because
    assert "R2-exits" in {found.rule for found in result.findings}, result.because
    # Nothing is imported, so all imports resolve.
    assert score.partition("/")[0] in {"0", "1"}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("level", [2, 3] if FULL else [2])
def test_validation_that_never_meets_the_system_does_not_help_it(level: int, tmp_path: Path) -> None:
    root = lay_out("fake_validation", tmp_path / "system")
    result, _ = judged(root, level, ("service.py",), tmp_path / "scratch")
    assert result.verdict is Verdict.FAIL, result.because
    assert result.measures["success_rate"] == 0
    assert "R6-route-fails" in {found.rule for found in result.findings}, result.because
