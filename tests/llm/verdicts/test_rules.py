"""The table, the code that uses it and the page that shows it say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pytest_failhard.llm import verdicts
from pytest_failhard.llm.verdicts import ERRORS, RULES
from pytest_failhard.llm.verdicts.rules import FALLBACK_RULES, finding
from pytest_failhard.model import Severity

FOLDER = Path(verdicts.__file__).parent
PAGE = Path(__file__).resolve().parents[3] / "docs" / "llm-verdicts.md"
NAME = re.compile(r"[a-z]+(?:-[a-z]+)+")
ELSEWHERE = {
    "no-call-declared",
    "cannot-run",
    "no-fire",
    "interceptor-cannot-see-client",
    "worker-lost",
    "ledger-incomplete",
}
"""Errors of the gate, the schedule, the fixtures and the record: no verdict meets them."""
HIGH = (
    "silent-fallback stale-answer partial-answer garbage-answer provider-fallback model-downgrade"
    " hard-coded-key hang unbounded-timeout leaked-key budget-overrun mute-failure"
)
MEDIUM = (
    "not-recovered not-tolerated retried-permanent-error retry-amplification retry-after-ignored retry-storm"
    " flat-backoff default-timeout untyped-error rate-limit-overrun missing-circuit-breaker thundering-probe"
    " leaked-prompt cost-mismatch blind-interceptor unexercised-fallback vague-error egress"
)
LOW = "retried-quota-error causeless-error synchronised-retries unlogged-request-id stale-prices"


def names() -> set[str]:
    """Return every text of the verdicts' code that is the name of a finding or error."""
    found = set()
    for path in FOLDER.glob("*.py"):
        if path.name != "rules.py":
            nodes = ast.walk(ast.parse(path.read_bytes()))
            found |= {
                node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return {name for name in found if NAME.fullmatch(name) or name in RULES}


@pytest.mark.parametrize(
    ("severity", "expected"), [(Severity.HIGH, HIGH), (Severity.MEDIUM, MEDIUM), (Severity.LOW, LOW)]
)
def test_each_severity_has_its_rules(severity: Severity, expected: str) -> None:
    assert {name for name, rule in RULES.items() if rule.severity is severity} == set(expected.split())


def test_the_code_returns_every_rule_and_no_other() -> None:
    other_words = {"permanent-retried", "fail-or-recover", "x-amzn-errortype"}
    assert names() - other_words == set(RULES) | set(ERRORS) - ELSEWHERE


def test_a_finding_outside_the_table_is_impossible() -> None:
    with pytest.raises(KeyError):
        finding("no-such-rule", "case", "text")


def test_the_identity_is_the_rule_and_the_case() -> None:
    one = finding("hang", "openai-read_timeout@summarise", "killed")
    other = finding("hang", "openai-read_timeout@summarise", "killed. Client read timeout: 30")
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != finding("hang", "openai-read_timeout@translate", "killed").fingerprint
    assert (one.path, one.line, one.name) == ("", 0, "hang")


def test_every_rule_says_what_why_and_how() -> None:
    for name, rule in RULES.items():
        assert all((rule.what, rule.why, rule.fix)), name
        assert rule.what.endswith("."), name
        assert rule.why.endswith("."), name
        assert not rule.fix.endswith("."), name
    assert set(RULES) > FALLBACK_RULES
    assert not set(RULES) & set(ERRORS)


def test_the_page_shows_every_rule_and_error_in_the_order_of_the_table() -> None:
    page = PAGE.read_text("utf-8")
    shown = re.findall(r"^### `([a-z-]+)`", page, re.MULTILINE)
    assert shown == list(RULES)
    assert all(f"| `{name}` | {meaning} |" in page for name, meaning in ERRORS.items())
