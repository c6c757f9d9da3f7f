"""The gate over both examples: the honest one is clean, each laziness of the other is found where it stands."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.config import load, merge_settings
from pytest_failhard.gates.dependencies import DependenciesGate
from pytest_failhard.model import Observation, Severity
from tests.support import GATES, TODAY, gate_run, observe

EXAMPLES = Path(__file__).parents[3] / "examples"
LAZY = EXAMPLES / "triage_service_lazy"
ROWS = tomllib.loads((LAZY / "docs" / "planted.toml").read_text("utf-8"))["planted"]
PLANTED: list[Mapping[str, str]] = [row for row in ROWS if row["gate"] == "dependencies"]


def judged(name: str, level: int, scratch: Path) -> Observation:
    """Return what the gate sees of an example, as a level demands it."""
    gate = DependenciesGate()
    root = EXAMPLES / name
    rule = next(each for each in policy.load(level, GATES, today=TODAY).rules if each.gate == gate.id)
    settings = merge_settings(gate.id, gate.settings, rule, load(root, GATES).gates.get(gate.id, {}))
    run = gate_run(
        root, gate, settings=settings, source=("triage",), tests=("tests",), level=level, scratch=scratch
    )
    # A lock that is just being renewed counts from today.
    return observe(replace(run, today=date(2027, 1, 15)), gate)


@pytest.fixture(name="lazy", scope="module")
def _lazy(tmp_path_factory: pytest.TempPathFactory) -> Observation:
    return judged("triage_service_lazy", 3, tmp_path_factory.mktemp("lazy") / "scratch")


def test_the_good_twin_is_clean_at_the_highest_level(tmp_path: Path) -> None:
    seen = judged("triage_service", 4, tmp_path / "scratch")
    assert [f"{each.rule} {each.message}" for each in seen.findings] == []
    assert seen.measures["unpinned"] == seen.measures["unused"] == 0
    assert seen.measures["closure_size"] > 15


@pytest.mark.parametrize("row", PLANTED, ids=lambda row: row["rule"])
def test_a_planted_defect_is_found_where_it_stands(row: Mapping[str, str], lazy: Observation) -> None:
    text = (LAZY / row["file"]).read_text("utf-8")
    marked = text[: text.index(row["marker"])].count("\n") + 1
    lines = [each.line for each in lazy.findings if (each.rule, each.path) == (row["rule"], row["file"])]
    assert lines
    # What is not there (a lock) has no line.
    assert set(lines) <= {marked, 0}


def test_nothing_else_is_found_in_the_bad_twin(lazy: Observation) -> None:
    weighty = {each.rule for each in lazy.findings if each.severity >= Severity.MEDIUM}
    assert weighty == {row["rule"] for row in PLANTED} | altered_here()


def altered_here() -> set[str]:
    """Return what is rightly said of a machine that puts an authority of its own into certifi's file."""
    for file in importlib.metadata.files("certifi") or ():
        if file.name == "cacert.pem" and file.hash is not None:
            digest = hashlib.sha256(file.read_binary()).digest()
            known = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            return set() if known == file.hash.value else {"modified-file"}
    raise AssertionError("certifi records no digest of its file")
