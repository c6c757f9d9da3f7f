"""Observations and waivers survive the pipe and the disk without loss."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.model import Observation, Waiver
from pytest_failhard.report import observation, waivers
from pytest_failhard.report.observation import ObservationError
from pytest_failhard.report.waivers import WaiversError
from tests.report.samples import OBSERVATIONS, WAIVERS


@given(OBSERVATIONS)
def test_an_observation_comes_back_exactly(seen: Observation) -> None:
    back = observation.load(observation.dump(seen))
    assert back == seen
    assert {name: type(value) for name, value in back.measures.items()} == {
        name: type(value) for name, value in seen.measures.items()
    }
    assert observation.dump(back) == observation.dump(seen)


@given(st.lists(WAIVERS, max_size=3).map(tuple))
def test_waivers_come_back_exactly(listed: tuple[Waiver, ...]) -> None:
    assert waivers.load(waivers.dump(listed)) == listed


def test_half_a_pair_becomes_readable_text() -> None:
    seen = Observation(tool="a\udc80", examined=1)
    assert observation.load(observation.dump(seen)).tool == "a\\udc80"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"examined": 1', b'"examined": 1.5', "examined: Input should be a valid integer"),
        (b'"examined": 1', b'"examined": true', "examined: Input should be a valid integer"),
        (b'"measures": {}', b'"measures": {"a": 79.9}', "measures.a"),
        (b'"measures": {}', b'"measures": {"a": "79.9"}', "neither a whole number nor a fraction"),
        (b'"applies": true', b'"applies": true, "passed": true', "passed: Extra inputs are not permitted"),
        (b"{", b"", "document: Invalid JSON"),
    ],
)
def test_what_is_no_observation_is_refused(old: bytes, new: bytes, message: str) -> None:
    data = observation.dump(Observation(tool="t", examined=1)).replace(old, new, 1)
    with pytest.raises(ObservationError) as caught:
        observation.load(data)
    assert str(caught.value).startswith("observation-unreadable: ")
    assert message in str(caught.value)


def test_what_is_no_list_of_waivers_is_refused() -> None:
    with pytest.raises(
        WaiversError, match=r"waivers-unreadable: 0\.rule: Field required; .*0\.gate: Field required"
    ):
        waivers.load(b"[{}]")


def test_what_a_clock_gave_is_kept_apart_and_comes_back() -> None:
    measures: dict[str, int | Fraction] = {"p95_ms": Fraction(7, 3), "requests": 100}
    seen = Observation(tool="t", examined=1, measures=measures, volatile=frozenset({"p95_ms", "absent"}))
    equal, unequal = observation.parted(seen)
    slower = dataclasses.replace(seen, measures={**measures, "p95_ms": Fraction(8, 3)})
    assert unequal is not None
    assert observation.parted(slower)[0] == equal
    back = observation.joined(equal, unequal)
    assert back == dataclasses.replace(seen, volatile=frozenset({"p95_ms"}))


def test_without_a_clock_there_is_one_part() -> None:
    seen = Observation(tool="t", examined=1, measures={"requests": 100})
    assert observation.parted(seen) == (observation.dump(seen), None)


@pytest.mark.parametrize(
    ("kept", "message"), [(b"{}", "other measures are kept"), (b'{"p95_ms": 1.5}', "p95_ms")]
)
def test_measures_that_are_not_those_named_are_refused(kept: bytes, message: str) -> None:
    seen = Observation(tool="t", examined=1, measures={"p95_ms": 1}, volatile=frozenset({"p95_ms"}))
    with pytest.raises(ObservationError, match=message):
        observation.joined(observation.parted(seen)[0], kept)
