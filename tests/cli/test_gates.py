"""What a level demands, as a policy file and as a table; what a gate is for."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.cli import gates
from pytest_failhard.explanation import ExplanationError, explain, severities
from pytest_failhard.model import (
    LEVELS,
    Gate,
    Observation,
    Policy,
    Rule,
    Run,
    Settings,
    Severity,
    WaiverTerms,
)
from pytest_failhard.rules.catalogue import find
from pytest_failhard.rules.swallowed.broad_suppress import BroadSuppress
from tests.support import GATES as BUILTIN

DAY = date(2026, 11, 20)


@dataclass(frozen=True)
class Named:
    """A gate that has a name and never looks."""

    id: str
    settings: type[Settings] = Settings

    def observe(self, run: Run) -> Observation:
        """Never called here."""
        raise AssertionError(run)


GATES: tuple[Gate, ...] = tuple(map(Named, BUILTIN))


def a_policy(name: str, level: int, *rules: Rule) -> Policy:
    return Policy(
        name=name,
        level=level,
        rules=rules,
        waivers=WaiverTerms(max_days=90, warn_days=14, required=frozenset(), stale=Severity.LOW, most=40),
        budget_seconds=300,
        tests_timeout=3600,
        plugins=(),
        sha256="0" * 64,
    )


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_prints_as_its_policy_file_which_can_be_given_back(level: int, tmp_path: Path) -> None:
    text = gates.render(level, None, GATES, today=DAY)
    file = tmp_path / "ours.yaml"
    file.write_text(text)
    assert policy.load(level, [gate.id for gate in GATES], file, today=DAY).level == level
    assert gates.render(level, file, GATES, today=DAY) == text


def test_a_policy_file_needs_its_level(tmp_path: Path) -> None:
    with pytest.raises(policy.PolicyError, match="--policy: add --level N, the level that the file is for"):
        gates.render(None, tmp_path / "ours.yaml", GATES, today=DAY)


def test_a_weaker_policy_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_bytes(policy.shipped_text(1).replace(b"line_percent: 60", b"line_percent: 1"))
    with pytest.raises(policy.PolicyError, match="a policy file may only tighten level 1"):
        gates.render(1, file, GATES, today=DAY)


def test_the_table() -> None:
    lint = Rule(gate="lint", fail_at=Severity.MEDIUM, timeout=60)
    floor = Rule(gate="coverage", fail_at=None, timeout=60, at_least={"line_percent": Fraction(60)})
    strict = Rule(gate="lint", fail_at=Severity.LOW, timeout=60, at_least={"a": 1}, at_most={"b": 2})
    policies = {1: a_policy("poc", 1, lint), 2: a_policy("development", 2, floor, strict)}
    assert gates.table(GATES[1:3], policies) == (
        "gate      1 poc            2 development\n"
        "coverage  -                by measures, 1 bound\n"
        "lint      fails at medium  fails at low, 2 bounds\n"
        "\n"
        "failhard gates --level N   the whole policy of a level\n"
    )


def test_the_table_of_what_ships_names_every_gate() -> None:
    lines = gates.render(None, None, GATES, today=DAY).splitlines()
    assert [line.split()[0] for line in lines[1 : len(GATES) + 1]] == [gate.id for gate in GATES]


def test_a_gate_is_explained_by_the_docstring_of_its_module() -> None:
    assert explain("lint", GATES) == __doc__


@pytest.mark.parametrize("name", ["FH104", "broad-suppress", "FH104/form"])
def test_a_rule_is_explained_by_its_docstring_and_its_severities(name: str) -> None:
    text = explain(name)
    assert text.startswith("FH104 broad-suppress: gate fallbacks, family swallowed\n")
    assert str(inspect.getdoc(BroadSuppress)) in text
    assert [line.split() for line in text.splitlines()[-2:]] == [
        ["level", "1", "2", "3", "4"],
        ["broad-suppress", "off", "medium", "medium", "medium"],
    ]


def test_a_code_that_only_a_gate_knows_is_explained_with_it() -> None:
    assert explain("FV8") == explain("integrity")
    with pytest.raises(ExplanationError, match="did you mean FV"):
        explain("FV9")


def test_severities_are_those_of_the_shipped_policies() -> None:
    assert severities(find("FH104")) == [("broad-suppress", ["off", "medium", "medium", "medium"])]


def test_a_name_that_nothing_comes_near_is_answered_with_all() -> None:
    with pytest.raises(ExplanationError, match=f"there are {', '.join(BUILTIN)}; rules are FH"):
        explain("quantum", GATES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lnt", "no gate or rule is called 'lnt'; did you mean lint?"),
        ("FH1044", "no gate or rule is called 'FH1044'; did you mean FH104"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_come_near(name: str, message: str) -> None:
    with pytest.raises(ExplanationError) as caught:
        explain(name, GATES)
    assert str(caught.value).startswith(message)
