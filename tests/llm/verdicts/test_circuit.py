"""A circuit opens, fails at once, tests with one request, and closes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failhard.llm.verdicts import CircuitTrial, circuit_opens
from tests.llm.verdicts.samples import MINE, SILENT, answered, attempt, raised, returned, rules

OPENED = replace(raised("the circuit to openai is open", "app.CircuitOpen"), seconds=0.01)
RIGHT = CircuitTrial(opened=OPENED, opened_attempts=(), probes=(attempt(),), closed=returned(MINE.text))


def test_a_circuit_that_works_is_right() -> None:
    assert circuit_opens(RIGHT, SILENT) == ()
    service = replace(
        RIGHT,
        opened=replace(answered(503, '{"type": "llm_circuit_open"}'), seconds=0.129),
        baseline=0.080,
        closed=answered(200, MINE.text),
    )
    assert circuit_opens(service, SILENT) == ()
    # The list of models is no LLM call.
    assert circuit_opens(replace(RIGHT, opened_attempts=(attempt(kind="catalogue"),)), SILENT) == ()


@pytest.mark.parametrize(
    ("trial", "text"),
    [
        (replace(RIGHT, opened_attempts=(attempt(),)), "a provider that keeps failing was asked again"),
        (replace(RIGHT, opened=replace(OPENED, seconds=0.050)), "did not fail at once"),
        (replace(RIGHT, opened=replace(OPENED, seconds=0.13), baseline=0.080), "did not fail at once"),
        (replace(RIGHT, opened=returned("the circuit is open")), "did not fail; the error does not name"),
        (replace(RIGHT, opened=replace(OPENED, ended=False)), "did not fail"),
        (replace(RIGHT, opened=raised("503")), "the error does not name the open circuit"),
        (replace(RIGHT, probes=()), "no request tested the provider after the cool-down"),
        (replace(RIGHT, closed=raised("circuit open")), "the circuit did not close"),
        (replace(RIGHT, closed=returned("sorry")), "the circuit did not close"),
    ],
)
def test_a_missing_breaker_says_what_is_missing(trial: CircuitTrial, text: str) -> None:
    (finding,) = circuit_opens(trial, SILENT)
    assert finding.rule == "missing-circuit-breaker"
    assert text in finding.message


def test_more_than_one_probe_is_a_herd() -> None:
    assert rules(circuit_opens(replace(RIGHT, probes=(attempt(1), attempt(2))), SILENT)) == [
        "thundering-probe"
    ]
