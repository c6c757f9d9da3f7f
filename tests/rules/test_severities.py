"""The shipped policies name every form of every rule, and nothing that no rule says."""

from __future__ import annotations

import functools
import re

import pytest
import yaml

from pytest_failhard.model import LEVELS
from pytest_failhard.policy import shipped_text
from pytest_failhard.rules.catalogue import every
from pytest_failhard.strictness import SEVERITIES

Gates = dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]]
"""Gate -> `options` -> option -> `value` -> rule -> severity, as far as it is read here."""
GATES = ("fallbacks", "tests", "integrity")


@functools.cache
def _gates(level: int) -> Gates:
    """Return the gates of a shipped policy; hundreds of tests ask for them."""
    gates: Gates = yaml.safe_load(shipped_text(level))["gates"]
    return gates


def table(level: int, gate: str, option: str = "severity") -> dict[str, str]:
    """Return the severities of a gate's rules in a shipped policy."""
    options = _gates(level).get(gate, {}).get("options", {})
    return dict(options.get(option, {"value": {}})["value"])


def forms(gate: str) -> set[str]:
    """Return the names of all that the rules of a gate can say."""
    return {
        f"{rule.name}/{sub}" if sub else rule.name
        for rule in every()
        if rule.gate == gate
        for sub in (rule.subs or ("",))
    }


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("gate", GATES)
def test_every_form_has_a_severity_and_every_severity_a_form(gate: str, level: int) -> None:
    named = table(level, gate)
    known = forms(gate)
    assert [form for form in sorted(known) if not {form, form.partition("/")[0]} & set(named)] == []
    stems = {form.partition("/")[0] for form in known}
    assert [name for name in named if name not in known | stems] == []


@pytest.mark.parametrize("option", ["severity", "new_severity"])
@pytest.mark.parametrize("gate", GATES)
def test_no_rule_is_weaker_at_a_higher_level(gate: str, option: str) -> None:
    tables = [table(level, gate, option) for level in LEVELS]
    assert len({tuple(sorted(each)) for each in tables}) == 1
    for name in tables[0]:
        ranks = [SEVERITIES.index(each[name]) for each in tables]
        assert ranks == sorted(ranks), name


def test_what_a_change_adds_is_never_better_than_the_stock() -> None:
    for gate in GATES:
        for level in LEVELS:
            stock = table(level, gate)
            for name, rank in table(level, gate, "new_severity").items():
                assert SEVERITIES.index(rank) >= SEVERITIES.index(stock[name]), (gate, level, name)


def test_codes_are_those_of_their_families() -> None:
    for rule in every():
        assert re.fullmatch(r"FH\d{3}|FV\d", rule.code) or rule.code == rule.name
