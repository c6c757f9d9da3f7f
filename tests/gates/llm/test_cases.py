"""Which cases a level demands, and why others are left out."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from pytest_failhard.gates.llm.cases import Matrix, demanded
from pytest_failhard.llm import catalogue
from pytest_failhard.llm.catalogue import Catalogue

FIRST = ("invalid_key", "missing_key", "rate_limit_rpm", "refused", "rst_before", "server_error")


def matrix(
    level: int, *dialects: str, features: frozenset[str] = frozenset(), known: Catalogue | None = None
) -> Matrix:
    return demanded(
        known or catalogue.load(),
        level=level,
        call="sum",
        dialects=dialects or ("openai",),
        features=features,
    )


def test_the_first_level_demands_six_faults() -> None:
    seen = matrix(1)
    assert [case.id for case in seen.cases] == [f"openai-{fault}@sum" for fault in FIRST]
    assert seen.left_out == {}


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "bedrock"])
def test_every_level_demands_a_refused_key_a_failing_network_and_a_limited_rate(dialect: str) -> None:
    faults = {case.fault.id for case in matrix(1, dialect).cases}
    assert faults >= {"invalid_key", "missing_key", "refused", "rst_before", "rate_limit_rpm", "server_error"}


def test_each_level_demands_all_of_the_one_below() -> None:
    levels = [{case.id for case in matrix(level).cases} for level in (1, 2, 3, 4)]
    assert all(below < above for below, above in itertools.pairwise(levels))


def test_from_the_third_level_on_what_happens_once_must_be_survived() -> None:
    assert not [case for case in matrix(2).cases if case.single]
    once = {case.fault.id: case for case in matrix(3).cases if case.single}
    assert {case.fault.kind for case in once.values()} == {"transient", "network", "silent"}
    assert {case.fault.stage for case in once.values()} == {"answer"}
    assert once["server_error"].id == "openai-server_error@sum#once"
    lasting = {case.fault.id for case in matrix(3).cases if not case.single}
    assert lasting > set(once)
    assert {"refused", "connect_timeout", "invalid_key"} <= lasting - set(once)


def test_what_the_healthy_run_does_not_use_is_left_out_with_the_reason() -> None:
    plain = matrix(3)
    assert plain.left_out["openai-stream_fin"] == "needs stream, which the healthy run did not use"
    streamed = matrix(3, features=frozenset({"stream"}))
    assert "openai-stream_fin" not in streamed.left_out
    assert "openai-stream_fin@sum" in {case.id for case in streamed.cases}


def test_what_a_dialect_has_no_form_for_is_left_out_with_the_reason() -> None:
    seen = matrix(4, "bedrock")
    assert "has no wire form in the dialect bedrock" in seen.left_out.values()
    assert {case.dialect for case in seen.cases} == {"bedrock"}


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_nothing_is_left_out_without_a_word(level: int) -> None:
    seen = matrix(level, "anthropic", "openai")
    told = {case.id.partition("@")[0] for case in seen.cases} | set(seen.left_out)
    known = [fault for fault in catalogue.load().faults.values() if fault.level <= level]
    assert told == {f"{dialect}-{fault.id}" for dialect in ("anthropic", "openai") for fault in known}
    assert [case.id for case in seen.cases] == sorted({case.id for case in seen.cases})


def test_a_fault_that_was_replaced_is_demanded_no_more() -> None:
    known = catalogue.load()
    old = dataclasses.replace(known.find("server_error"), replaced_by="unavailable")
    changed = dataclasses.replace(known, faults={**known.faults, "server_error": old})
    assert len(matrix(1, known=changed).cases) == len(FIRST) - 1


def test_a_call_that_asked_nobody_demands_nothing() -> None:
    assert demanded(catalogue.load(), level=4, call="sum", dialects=(), features=frozenset()).cases == ()
