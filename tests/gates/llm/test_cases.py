"""Which cases a level demands of every call."""

from __future__ import annotations

import itertools

import pytest

from pytest_failhard.gates.llm.cases import Matrix, demanded
from pytest_failhard.llm.catalogue import load

PLAIN: frozenset[str] = frozenset()


def matrix(level: int, features: frozenset[str] = PLAIN, dialect: str = "openai") -> Matrix:
    return demanded(load(), level=level, call="ask", dialects=[dialect], features=features)


def ids(level: int, features: frozenset[str] = PLAIN) -> set[str]:
    return {case.id for case in matrix(level, features).cases}


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "bedrock"])
def test_every_level_demands_a_refused_key_a_failing_network_and_a_limited_rate(dialect: str) -> None:
    faults = {case.fault.id for case in matrix(1, dialect=dialect).cases}
    assert faults >= {"invalid_key", "missing_key", "refused", "rst_before", "rate_limit_rpm", "server_error"}


def test_a_higher_level_leaves_out_nothing_of_a_lower_one() -> None:
    features = frozenset({"json", "stream"})
    sets = [ids(level, features) for level in (1, 2, 3, 4)]
    assert all(lower < higher for lower, higher in itertools.pairwise(sets))


def test_from_level_3_a_failure_that_passes_must_be_survived() -> None:
    assert "openai-server_error@ask#once" in ids(3)
    assert not any(name.endswith("#once") for name in ids(2))


def test_what_is_left_out_has_its_reason() -> None:
    seen = matrix(3)
    assert seen.left_out["openai-stream_truncated"] == "needs stream, which the healthy run did not use"
    assert "openai-stream_truncated@ask" in ids(3, frozenset({"stream"}))
    assert all(reason for reason in seen.left_out.values())
