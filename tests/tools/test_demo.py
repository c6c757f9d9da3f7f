"""Tests of what the demo says for itself: its advisories, and the policy that names their service."""

from __future__ import annotations

import pytest

from pytest_failhard import policy
from pytest_failhard.distributions.advisories import canaries, files
from tests.support import GATES, TODAY
from tools import demo

URL = "http://127.0.0.1:8000/v1/query"


def test_the_hand_made_records_are_a_database() -> None:
    data = demo.archive(demo.RECORDS)
    assert canaries.known(files.parse(data, "advisories")) == canaries.CANARIES
    assert demo.archive(demo.RECORDS) == data


def test_the_policy_names_the_service_and_is_nowhere_weaker() -> None:
    shipped = policy.load(3, GATES, today=TODAY)
    named = policy.parse_custom(demo.policy_naming(URL).encode(), "demo", GATES, shipped, today=TODAY)
    [rule] = [each for each in named.rules if each.gate == "vulnerabilities"]
    assert (rule.options["osv_url"].value, rule.options["osv_url"].kind) == (URL, "fixed")
    assert (rule.options["mode"].value, rule.options["mode"].kind) == ("osv", "fixed")


def test_a_policy_that_no_longer_says_it_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "CHOICES", {"never: said": ""})
    with pytest.raises(demo.DemoError, match="does not stand there once"):
        demo.policy_naming(URL)
