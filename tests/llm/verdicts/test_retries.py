"""How often a request may be sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts import no_retry
from tests.llm.verdicts.samples import REFUSED, SILENT, attempt, fault, raised, rules

QUOTA = replace(REFUSED, fault=fault("insufficient_quota", "permanent-retried"))


def sent(count: int, group: int = 100) -> tuple[Attempt, ...]:
    """Return the attempts of one call, in groups of an SDK's own retries."""
    return tuple(attempt(number, retry=(number - 1) % group) for number in range(1, count + 1))


@pytest.mark.parametrize(
    ("count", "permanent", "quota", "silent"),
    [
        (0, [], [], []),
        (1, [], [], []),
        (2, ["retried-permanent-error"], ["retried-quota-error"], []),
        (3, ["retried-permanent-error"], ["retried-quota-error"], []),
        (
            4,
            ["retried-permanent-error", "retry-amplification"],
            ["retried-quota-error", "retry-amplification"],
            ["retry-amplification"],
        ),
    ],
)
def test_each_class_has_its_own_limit(
    count: int, permanent: list[str], quota: list[str], silent: list[str]
) -> None:
    assert rules(no_retry(sent(count), raised(), REFUSED)) == permanent
    assert rules(no_retry(sent(count), raised(), QUOTA)) == quota
    assert rules(no_retry(sent(count), raised(), SILENT)) == silent
    assert rules(no_retry(sent(count), raised(), replace(SILENT, fault=None))) == silent


def test_the_layers_that_multiply_are_shown() -> None:
    (finding,) = no_retry(sent(9, 3), raised(), SILENT)
    text = "openai-body_html@summarise: 9 attempts (3 x 3) for one call, at most 3 allowed"
    assert finding.message == text
    (finding,) = no_retry(sent(4), raised(), SILENT)
    assert finding.message == "openai-body_html@summarise: 4 attempts for one call, at most 3 allowed"


def test_a_project_may_declare_fewer_attempts_and_not_more() -> None:
    assert rules(no_retry(sent(2), raised(), replace(SILENT, max_attempts=1))) == ["retry-amplification"]
    assert rules(no_retry(sent(4), raised(), replace(SILENT, max_attempts=9))) == ["retry-amplification"]


def test_different_requests_are_different_calls() -> None:
    different = tuple(replace(each, body_sha256=str(each.number)) for each in sent(9))
    assert no_retry(different, raised(), REFUSED) == ()
    hops = tuple(replace(each, kind="redirect") for each in sent(60))
    assert no_retry(hops, raised(), REFUSED) == ()
