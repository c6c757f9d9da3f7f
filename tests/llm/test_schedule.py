"""Which request meets which fault: by hash where there is a probability, by count where there is none."""

from __future__ import annotations

import json
import math
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.normalisation import without_model
from pytest_failhard.llm.schedule import (
    OK,
    Count,
    Fire,
    Kind,
    Match,
    Question,
    Rule,
    Schedule,
    ScheduleError,
    When,
    calls_for,
    fires,
    no_fire,
    normalise,
)
from tests.llm.requests_made import CANARIES, CHAT, UNHURRIED, question

CALLS = 2000
P = 0.05
# The binomial 99 % interval of 2,000 calls at 0.05, by the normal approximation: 2.576 standard deviations.
INTERVAL = 2.576 * math.sqrt(CALLS * P * (1 - P))
ERROR = Kind(fault="server_error")
LIMIT = Kind(fault="rate_limit_rpm", params={"hint_ms": 20})
ALWAYS, ANY = When(), Match()
SOMETIMES = Rule(id="r1", kinds=(ERROR, LIMIT), when=When(p=P))
QUESTIONS = tuple(question(f"question {number}") for number in range(CALLS))


def rule(name: str = "r1", *, when: When = ALWAYS, match: Match = ANY) -> Rule:
    return Rule(id=name, kinds=(ERROR,), when=when, match=match)


def fired(schedule: Schedule, count: int) -> list[int]:
    """Return which of so many equal requests met a fault, from 1."""
    return [each for each in range(1, count + 1) if schedule.decide(question(occurrence=each))]


def outcome(schedule: Schedule, asked: Question) -> tuple[bytes, Fire | None]:
    return asked.digest_body, schedule.decide(asked)


def failing(outcomes: list[tuple[bytes, Fire | None]]) -> dict[bytes, str]:
    return {body: fire.kind.fault for body, fire in outcomes if fire}


def test_the_failing_set_of_a_probability_is_one_set_whatever_the_order_and_the_threads() -> None:
    first = failing([outcome(Schedule((SOMETIMES,), 7), each) for each in QUESTIONS])
    schedule = Schedule((SOMETIMES,), 7)
    assert failing([outcome(schedule, each) for each in QUESTIONS]) == first
    for order in range(5):
        shuffled = list(QUESTIONS)
        random.Random(order).shuffle(shuffled)
        again = Schedule((SOMETIMES,), 7)
        assert failing([outcome(again, each) for each in shuffled]) == first
    threaded = Schedule((SOMETIMES,), 7)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda each: outcome(threaded, each), QUESTIONS))
    assert failing(outcomes) == first
    assert threaded.counts == {"r1": Count(matched=CALLS, fired=len(first))}
    assert abs(len(first) - CALLS * P) <= INTERVAL
    assert {"server_error", "rate_limit_rpm"} == set(first.values())


def test_another_seed_and_another_occurrence_are_decided_by_themselves() -> None:
    by_seed = [
        failing([outcome(Schedule((SOMETIMES,), seed), each) for each in QUESTIONS]) for seed in (0, 1)
    ]
    assert by_seed[0] != by_seed[1]
    bodies = [f"body {number}".encode() for number in range(CALLS)]
    both = sum(fires(0, "r1", body, 1, P) and fires(0, "r1", body, 2, P) for body in bodies)
    assert both < CALLS * P / 4


@UNHURRIED
@given(
    seed=st.integers(),
    body=st.binary(max_size=40),
    occurrence=st.integers(1, 100),
    low=st.floats(0, 1),
    high=st.floats(0, 1),
)
def test_what_fires_at_a_probability_fires_at_every_higher_one(
    seed: int, body: bytes, occurrence: int, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    assert fires(seed, "r1", body, occurrence, low) <= fires(seed, "r1", body, occurrence, high)
    assert not fires(seed, "r1", body, occurrence, 0)
    assert fires(seed, "r1", body, occurrence, 1)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (When(), [1, 2, 3, 4, 5, 6]),
        (When(first=2), [1, 2]),
        (When(nth=3), [3]),
        (When(every=2), [2, 4, 6]),
        (When(most=2), [1, 2]),
        (When(every=2, most=2), [2, 4]),
        (When(p=1.0, most=1), [1]),
    ],
)
def test_counts_are_of_the_requests_that_match(when: When, expected: list[int]) -> None:
    schedule = Schedule((rule(when=when),), 0)
    assert fired(schedule, 6) == expected
    assert schedule.counts == {"r1": Count(matched=6, fired=len(expected))}


@pytest.mark.parametrize(
    ("when", "elapsed", "meets"),
    [
        (When(after=2.0), 1.9, False),
        (When(after=2.0), 2.0, True),
        (When(lasting=2.0), 1.9, True),
        (When(lasting=2.0), 2.0, False),
        (When(after=1.0, lasting=2.0), 2.9, True),
        (When(after=1.0, lasting=2.0), 3.0, False),
    ],
)
def test_a_rule_sleeps_outside_its_time_and_the_next_one_decides(
    when: When, elapsed: float, meets: bool
) -> None:
    other = Rule(id="r2", kinds=(LIMIT,))
    schedule = Schedule((rule(when=when), other), 0)
    fire = schedule.decide(question(elapsed=elapsed))
    assert fire == (Fire(rule="r1", kind=ERROR) if meets else Fire(rule="r2", kind=LIMIT))
    assert not schedule.reproducible
    assert Schedule((other,), 0).reproducible


@pytest.mark.parametrize(
    ("match", "meets"),
    [
        (Match(), True),
        (Match(provider="openai"), True),
        (Match(provider="open"), False),
        (Match(provider="anthropic"), False),
        (Match(route="/chat/*"), True),
        (Match(route="/embeddings"), False),
        (Match(model="gpt-4o*"), True),
        (Match(model="GPT-*"), False),
        (Match(stream=False), True),
        (Match(stream=True), False),
        (Match(body_contains="ello"), True),
        (Match(body_contains="bye"), False),
        (Match(call="summarise"), True),
        (Match(call="classify"), False),
    ],
)
def test_a_rule_is_for_the_requests_that_it_names(match: Match, meets: bool) -> None:
    schedule = Schedule((rule(match=match),), 0)
    assert (schedule.decide(question(call="summarise")) is not None) == meets
    assert [each.id for each in schedule.unfired()] == ([] if meets else ["r1"])


def test_a_provider_holds_for_the_dialects_named_after_it() -> None:
    schedule = Schedule((rule(match=Match(provider="openai")),), 0)
    assert schedule.decide(question(route=replace(CHAT, dialect="openai_responses")))


def test_the_first_rule_that_matches_decides_even_where_it_does_not_fire() -> None:
    schedule = Schedule((rule(when=When(nth=2)), rule("r2")), 0)
    assert fired(schedule, 3) == [2]
    assert [each.id for each in schedule.unfired()] == ["r2"]


def test_a_sequence_goes_on_with_each_request_and_ends_in_health() -> None:
    sequence = Rule(id="r1", kinds=(ERROR, Kind(fault=OK), LIMIT), sequence=True)
    schedule = Schedule((sequence,), 0)
    met = [schedule.decide(question(occurrence=each)) for each in range(1, 6)]
    assert [fire.kind if fire else None for fire in met] == [ERROR, None, LIMIT, None, None]
    assert schedule.counts == {"r1": Count(matched=5, fired=2)}


def test_kinds_that_do_not_fit_a_request_are_not_chosen_and_it_is_not_counted() -> None:
    def fits(kind: Kind, asked: Question) -> bool:
        return kind == LIMIT or "json" in asked.features

    both = Schedule((replace(SOMETIMES, when=When()),), 0, fits)
    assert [both.decide(each) for each in QUESTIONS[:20]] == [Fire(rule="r1", kind=LIMIT)] * 20
    only = Schedule((rule(when=When(first=1)),), 0, fits)
    assert only.decide(question()) is None
    assert only.counts == {"r1": Count()}
    assert only.decide(question(features=frozenset({"json"}))) == Fire(rule="r1", kind=ERROR)


def test_a_sequence_waits_for_a_request_that_its_next_kind_fits() -> None:
    sequence = Rule(id="r1", kinds=(ERROR, LIMIT), sequence=True)
    schedule = Schedule((sequence,), 0, lambda kind, asked: kind == LIMIT or bool(asked.features))
    json_mode = frozenset({"json"})
    assert schedule.decide(question()) is None
    assert schedule.decide(question(features=json_mode)) == Fire(rule="r1", kind=ERROR)
    assert schedule.decide(question()) == Fire(rule="r1", kind=LIMIT)


def test_rules_can_be_added_and_the_first_ones_keep_their_counts() -> None:
    schedule = Schedule((rule(when=When(first=1), match=Match(model="gpt-*")),), 0)
    assert fired(schedule, 2) == [1]
    schedule.extend((rule("r2", match=Match(model="claude-*")),))
    assert fired(schedule, 2) == []
    assert schedule.decide(question(route=replace(CHAT, model="claude-x"))) == Fire(rule="r2", kind=ERROR)
    assert schedule.counts == {"r1": Count(matched=4, fired=1), "r2": Count(matched=1, fired=1)}


def test_two_rules_of_one_id_would_decide_alike_and_are_refused() -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule((rule(), rule(), rule("r2"), rule("r2")), 0)
    assert caught.value.mistakes == (
        "rule r1: the id stands twice; give each its own",
        "rule r2: the id stands twice; give each its own",
    )


def test_a_run_without_a_fire_is_told_how_many_calls_it_takes() -> None:
    assert no_fire(P, 12) == "p=0.05 fired 0 times in 12 calls: make at least 135 calls or raise p"
    assert no_fire(1.0, 0) == "p=1 fired 0 times in 0 calls: make at least 1 calls or raise p"


@UNHURRIED
@given(p=st.floats(0.0001, 0.9999))
def test_so_many_calls_are_enough_in_999_of_1000_runs_and_one_less_is_not(p: float) -> None:
    calls = calls_for(p)
    assert (1 - p) ** calls <= 0.001 * (1 + 1e-6)
    assert (1 - p) ** (calls - 1) > 0.001 * (1 - 1e-6)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
CHANGING = st.one_of(
    st.uuids().map(str),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.integers(10**9, 10**13 - 1).map(str),
    st.binary(min_size=8, max_size=40).map(bytes.hex),
    st.sampled_from(["call_", "toolu_", "msg_", "resp_"]).flatmap(
        lambda prefix: st.from_regex(r"[A-Za-z0-9]{8,24}", fullmatch=True).map(lambda rest: prefix + rest)
    ),
    st.from_regex(r"/tmp/pytest-of-[a-z]{1,8}/[a-z0-9/]{1,20}", fullmatch=True),
    st.from_regex(r"C:\\Users\\[a-z]{1,8}\\AppData\\Local\\Temp\\[a-z0-9]{1,9}", fullmatch=True),
)
WORDS = (CANARIES.head, CANARIES.middle, CANARIES.tail, CANARIES.poison, str(CANARIES.number))
SECRETS = st.sampled_from((*WORDS, *CANARIES.keys.values())).flatmap(
    lambda word: st.sampled_from((word, word.upper(), word.capitalize()))
)


@UNHURRIED
@given(value=JSON)
def test_a_normal_body_stays_and_the_order_of_members_says_nothing(value: object) -> None:
    body = json.dumps(value).encode()
    once = normalise(body, [CANARIES])
    assert normalise(once, [CANARIES]) == once
    if isinstance(value, dict):
        backwards = json.dumps(dict(reversed(value.items()))).encode()
        assert normalise(backwards, [CANARIES]) == once


@UNHURRIED
@example(parts=["1000000000", str(CANARIES.number)])
@given(parts=st.lists(st.one_of(st.text(max_size=5), CHANGING, SECRETS), max_size=6))
def test_whatever_stands_side_by_side_is_normal_after_one_time(parts: list[str]) -> None:
    for body in (json.dumps({"input": "".join(parts)}).encode(), "".join(parts).encode()):
        once = normalise(body, [CANARIES])
        assert normalise(once, [CANARIES]) == once


@UNHURRIED
@given(one=CHANGING, other=CHANGING, text=st.text("abc .:", max_size=10))
def test_what_changes_from_run_to_run_is_not_part_of_a_body(one: str, other: str, text: str) -> None:
    bodies = [
        json.dumps({"messages": [{"content": f"{text} {each} {text}"}]}).encode() for each in (one, other)
    ]
    assert one.encode() not in normalise(bodies[0], [])
    kinds = {normalise(body, []).split(b"<")[1].split(b">")[0] for body in bodies}
    assert kinds <= {b"uuid", b"time", b"epoch", b"hex", b"id", b"path"}
    if len(kinds) == 1:
        assert normalise(bodies[0], []) == normalise(bodies[1], [])


@UNHURRIED
@given(word=SECRETS, before=st.text(max_size=5), after=st.text(max_size=5))
def test_canaries_are_their_labels_so_that_a_conversation_is_the_same_in_every_run(
    word: str, before: str, after: str
) -> None:
    for body in (json.dumps([before + word + after]).encode(), (before + word + after).encode()):
        assert word.lower().encode() not in normalise(body, [CANARIES]).lower()
    other = Canaries.draw("A")
    said = [json.dumps({"messages": [{"content": each.text}]}).encode() for each in (CANARIES, other)]
    assert normalise(said[0], [CANARIES]) == normalise(said[1], [other])


def test_the_members_that_name_the_caller_are_dropped_at_the_top_and_nowhere_else() -> None:
    body = {
        "model": "m",
        "user": "u1",
        "metadata": {"run": 1},
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "previous_response_id": "p",
        "idempotency_key": "i",
        "tools": [{"user": "kept"}],
    }
    assert normalise(json.dumps(body).encode(), []) == b'{"model":"m","tools":[{"user":"kept"}]}'


def test_the_boundary_of_a_form_is_replaced_and_the_rest_of_a_raw_body_stays() -> None:
    def form(boundary: str) -> bytes:
        return f"--{boundary}\r\ncontent-disposition: form-data\r\n\r\n\xff{boundary}\r\n--{boundary}--\r\n".encode(
            "latin-1"
        )

    normal = normalise(form("abc123"), [])
    assert normal == (
        b"--<boundary>\r\ncontent-disposition: form-data\r\n\r\n\xffabc123\r\n--<boundary>--\r\n"
    )
    assert normalise(normal, []) == normal
    assert normalise(b"--\r\nno form", []) == b"--\r\nno form"


@pytest.mark.parametrize("depth", [100_000])
def test_a_body_that_is_nested_without_end_is_raw(depth: int) -> None:
    body = b"[" * depth
    assert normalise(body, []) == body
    assert without_model(body) == body


def test_the_same_question_to_another_model_is_the_same_without_it() -> None:
    assert without_model(b'{"model":"a","x":1}') == without_model(b'{"model":"b","x":1}') == b'{"x":1}'
    assert without_model(b"[1]") == b"[1]"
    assert without_model(b"no json") == b"no json"
