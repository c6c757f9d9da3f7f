"""The gate over both examples: the honest one stands, what is planted in the other is found in its line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pytest_failhard.gates.secrets import SecretsGate
from pytest_failhard.model import Observation, Severity
from tests.support import gate_run, observe

EXAMPLES = Path(__file__).parents[3] / "examples"
LAZY = EXAMPLES / "triage_service_lazy"
ROWS = tomllib.loads((LAZY / "docs" / "planted.toml").read_text("utf-8"))["planted"]
PLANTED = [(row["rule"], row["file"], row["marker"]) for row in ROWS if row["gate"] == "secrets"]


def judged(name: str, scratch: Path) -> Observation:
    gate = SecretsGate()
    run = gate_run(EXAMPLES / name, gate, scratch=scratch, source=("triage",), tests=("tests",))
    return observe(run, gate)


def test_the_honest_example_has_no_finding(tmp_path: Path) -> None:
    observation = judged("triage_service", tmp_path / "scratch")
    assert (observation.findings, observation.measures["secrets"]) == ((), 0)


@pytest.fixture(scope="module")
def lazy(tmp_path_factory: pytest.TempPathFactory) -> Observation:
    return judged("triage_service_lazy", tmp_path_factory.mktemp("lazy") / "scratch")


@pytest.mark.parametrize(("rule", "file", "marker"), PLANTED)
def test_each_planted_secret_is_found(lazy: Observation, rule: str, file: str, marker: str) -> None:
    text = (LAZY / file).read_text("utf-8")
    line = text[: text.index(marker)].count("\n") + 1
    assert [
        each.severity for each in lazy.findings if (each.rule, each.path, each.line) == (rule, file, line)
    ] == [Severity.HIGH]


def test_nothing_else_fails_there(lazy: Observation) -> None:
    high = [each for each in lazy.findings if each.severity is Severity.HIGH]
    assert len(high) == len(PLANTED) > 0
