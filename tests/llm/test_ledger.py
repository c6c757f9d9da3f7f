"""The record: one line an attempt, no word or key of ours in it, and nothing lost without a sign."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.llm.ledger import (
    Attempt,
    Ledger,
    LedgerError,
    Refusal,
    Times,
    Usage,
    calls,
    lines,
    read,
)
from pytest_failhard.llm.prices import Prices
from tests.llm.requests_made import ATTEMPT, CANARIES, UNHURRIED, attempt

TEXTS = st.text(max_size=12)
SECRETS = (
    CANARIES.head,
    CANARIES.middle,
    CANARIES.tail,
    CANARIES.poison,
    str(CANARIES.number),
    *CANARIES.keys.values(),
)
MAYBE = st.none() | TEXTS
MOMENTS = st.floats(0, 1e6)
ATTEMPTS = st.builds(
    replace,
    st.just(ATTEMPT),
    route=TEXTS,
    kind=st.sampled_from(["call", "catalogue", "noise", "unknown", "redirect"]),
    model=TEXTS,
    origin=TEXTS,
    stream=st.booleans(),
    occurrence=st.integers(1, 99),
    user_agent=TEXTS,
    retry_count=st.none() | st.integers(0, 9),
    read_timeout=MAYBE,
    sdk_attempt=MAYBE,
    invocation=MAYBE,
    fault=st.sampled_from(["", "server_error"]),
    status=st.sampled_from([0, 200, 429, 500]),
    hint_seconds=st.none() | st.floats(0, 1e5),
    bytes_sent=st.integers(0, 10**9),
    foreign_key_sha256=st.sampled_from(["", "c" * 64]),
    usage=st.builds(
        Usage, input=st.integers(0, 10**9), cached=st.integers(0, 99), output=st.integers(0, 10**9)
    ),
    times=st.builds(
        Times,
        accepted=MOMENTS,
        headers=MOMENTS,
        body=MOMENTS,
        first_byte=st.none() | MOMENTS,
        ended=MOMENTS,
        peer_closed=st.none() | MOMENTS,
    ),
)


def ledger(*attempts: Attempt, refusals: tuple[tuple[str, str], ...] = ()) -> Ledger:
    made = Ledger("case", [CANARIES])
    for number, each in enumerate(attempts, start=1):
        made.add(replace(each, number=number))
    for what, detail in refusals:
        made.refuse(what, detail)
    return made


def document(line: bytes) -> dict[str, object]:
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


@UNHURRIED
@given(
    attempts=st.lists(ATTEMPTS, max_size=4),
    refusals=st.lists(st.tuples(st.sampled_from(["egress", "bad-request"]), TEXTS), max_size=2),
)
def test_a_record_can_be_written_and_read_again(
    attempts: list[Attempt], refusals: list[tuple[str, str]]
) -> None:
    written = lines(ledger(*attempts, refusals=tuple(refusals)))
    again = read(written)
    assert lines(again) == written
    assert [replace(each, times=ATTEMPT.times) for each in again.attempts] == [
        replace(each, times=ATTEMPT.times, number=number) for number, each in enumerate(attempts, start=1)
    ]
    assert again.refusals == tuple(Refusal(what=what, detail=detail) for what, detail in refusals)
    assert again.case == "case"


@UNHURRIED
@given(attempts=st.lists(ATTEMPTS, min_size=1, max_size=4), cut=st.integers(1))
def test_a_record_that_is_cut_anywhere_cannot_be_read(attempts: list[Attempt], cut: int) -> None:
    written = lines(ledger(*attempts, refusals=(("egress", "example.org:443"),)))
    with pytest.raises(LedgerError):
        read(written[: -(1 + cut % (len(written) - 1))])
    parts = written.splitlines(keepends=True)
    del parts[cut % (len(parts) - 1)]
    with pytest.raises(LedgerError, match="the record is"):
        read(b"".join(parts))


@UNHURRIED
@given(secret=st.sampled_from(SECRETS), upper=st.booleans(), around=st.tuples(TEXTS, TEXTS))
def test_no_word_and_no_key_of_a_case_is_ever_in_its_record(
    secret: str, upper: bool, around: tuple[str, str]
) -> None:
    said = around[0] + (secret.upper() if upper else secret) + around[1]
    leaking = replace(
        ATTEMPT,
        method=said,
        route=said,
        origin=said,
        model=said,
        key=said,
        user_agent=said,
        read_timeout=said,
        sdk_attempt=said,
        invocation=said,
    )
    written = lines(ledger(leaking, refusals=(("egress", said),))).lower()
    assert secret.lower().encode() not in written
    assert json.dumps(secret.lower()).encode()[1:-1] not in written
    assert b"<canary[a]." in written or b"<key[a." in written


def test_a_line_says_what_was_sent_what_it_got_and_keeps_times_apart() -> None:
    second = replace(attempt(2, 100.5, 101.0, retry=1), fault="", rule="", status=200, usage=Usage(input=12))
    first, again, footer = lines(
        ledger(attempt(1, 100.0, 100.25, retry=0), second), Prices.load()
    ).splitlines()
    assert document(first) == {
        "case": "case",
        "attempt": 1,
        "logical": 1,
        "group": "1.1",
        "layer": "base_url",
        "dialect": "openai",
        "route": "/chat/completions",
        "kind": "call",
        "method": "POST",
        "origin": "",
        "model": "gpt-4o-mini",
        "stream": False,
        "body_sha256": "a" * 64,
        "body_without_model_sha256": "b" * 64,
        "occurrence": 1,
        "key": "key[OPENAI_API_KEY]",
        "key_is_canary": True,
        "user_agent": "OpenAI/Python 3.51.0",
        "retry_count": 0,
        "read_timeout": "600",
        "sdk_attempt": None,
        "rule": "r1",
        "fault": "server_error",
        "status": 500,
        "hint_seconds": None,
        "request_id": "req_1",
        "bytes_sent": 412,
        "close": "keep-alive",
        "usage": {"input": 0, "cached": 0, "output": 0},
        "cost_usd": "0",
        "volatile": {
            "connection": 1,
            "invocation": None,
            "t_accept": 0.0,
            "t_headers": 0.0,
            "t_body": 0.0,
            "t_first_byte": 0.0,
            "t_end": 0.25,
            "t_peer_close": None,
            "gap": None,
            "foreign_key_sha256": None,
        },
    }
    assert document(again)["cost_usd"] == "0.0000018"
    assert document(again)["volatile"] == {
        "connection": 1,
        "invocation": None,
        "t_accept": 0.5,
        "t_headers": 0.5,
        "t_body": 0.5,
        "t_first_byte": 0.5,
        "t_end": 1.0,
        "t_peer_close": None,
        "gap": 0.25,
        "foreign_key_sha256": None,
    }
    assert document(footer) == {
        "schema": "failhard-llm-ledger/1",
        "case": "case",
        "attempts": 2,
        "refusals": 0,
    }


def test_times_are_the_only_difference_between_two_runs() -> None:
    def constant(start: float) -> list[dict[str, object]]:
        found = [document(line) for line in lines(ledger(attempt(1, start, start + 0.3))).splitlines()]
        return [{name: value for name, value in each.items() if name != "volatile"} for each in found]

    assert constant(5.0) == constant(77.7)


def test_a_cost_is_unknown_without_prices_and_for_a_model_without_one() -> None:
    (line, _) = lines(ledger(ATTEMPT)).splitlines()
    assert document(line)["cost_usd"] is None
    (line, _) = lines(ledger(replace(ATTEMPT, model="unheard-of")), Prices.load()).splitlines()
    assert document(line)["cost_usd"] is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the record is cut: its last line has no end; make it again"),
        (b'{"schema":', "the record is cut: its last line has no end; make it again"),
        (
            b"[]\n",
            "the record is malformed at line 1: the line: Input should be an object",
        ),
        (
            b'{"schema":"other/1","case":"c","attempts":0,"refusals":0}\n',
            "the record has the schema 'other/1', not 'failhard-llm-ledger/1'; make it again",
        ),
        (
            b'{"schema":"failhard-llm-ledger/1","case":"c","attempts":1,"refusals":0}\n',
            "the record is cut: 0 lines for 1 attempts and 0 refusals; make it again",
        ),
        (
            b'{"case":"c"}\n{"schema":"failhard-llm-ledger/1","case":"c","attempts":0,"refusals":1}\n',
            "the record is malformed at line 1: refused: Field required",
        ),
    ],
)
def test_what_is_no_whole_record_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(LedgerError) as caught:
        read(data)
    assert str(caught.value) == message


def test_attempts_that_end_at_once_are_all_recorded_in_the_order_of_their_arrival() -> None:
    made = Ledger("case")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: made.add(replace(ATTEMPT, number=number)), range(200, 0, -1)))
        list(pool.map(lambda number: made.refuse("egress", str(number)), range(50)))
    assert [each.number for each in made.attempts] == list(range(1, 201))
    assert len(made.refusals) == 50


def test_sdk_retries_inside_a_wrapper_show_as_a_product() -> None:
    made = [attempt(number + 1, number, number + 0.5, retry=number % 3) for number in range(9)]
    (call,) = calls(made)
    assert call.shape == "9 (3 x 3)"
    assert [len(group) for group in call.groups] == [3, 3, 3]
    assert call.gaps == (0.5,) * 8


@pytest.mark.parametrize(
    ("retries", "shape"),
    [([0], "1"), ([0, 1, 2], "3"), ([0, 0, 0], "3 (3 x 1)"), ([0, 1, 0], "3 (2 + 1)"), ([None] * 3, "3")],
)
def test_a_group_begins_where_an_sdk_counts_from_0_again(retries: list[int | None], shape: str) -> None:
    made = [attempt(number, number, number + 0.1, retry=retry) for number, retry in enumerate(retries, 1)]
    assert [call.shape for call in calls(made)] == [shape]


def test_an_invocation_is_a_group_whatever_the_count_says() -> None:
    made = [
        replace(attempt(number, number, number + 0.1), invocation=invocation)
        for number, invocation in enumerate(["x", "x", "x", "y", "y"], 1)
    ]
    assert [call.shape for call in calls(made)] == ["5 (3 + 2)"]


def test_a_healthy_answer_closes_a_call_and_a_silent_fault_does_not() -> None:
    failed, silent = attempt(1, 1, 1.1), replace(attempt(2, 2, 2.1), status=200)
    healthy = replace(attempt(3, 3, 3.1), fault="", status=200)
    assert [len(call.attempts) for call in calls([failed, silent, healthy, attempt(4, 4, 4.1)])] == [3, 1]


def test_an_attempt_that_arrives_before_the_other_ended_is_another_call() -> None:
    first, second = attempt(1, 0, 2), attempt(2, 1, 3)
    third, fourth = attempt(3, 4, 5, retry=1), attempt(4, 4.1, 5.1, retry=1)
    assert [[each.number for each in call.attempts] for call in calls([first, second, third, fourth])] == [
        [1, 3],
        [2, 4],
    ]


def test_of_calls_at_once_an_attempt_continues_the_one_that_its_sdk_names() -> None:
    first, second = replace(attempt(1, 0, 2), invocation="x"), replace(attempt(2, 1, 3), invocation="y")
    third = replace(attempt(3, 4, 5), invocation="y")
    counted = [attempt(1, 0, 2, retry=0), attempt(2, 1, 3, retry=1), attempt(3, 4, 5, retry=2)]
    for made in ([first, second, third], counted):
        assert [[each.number for each in call.attempts] for call in calls(made)] == [[1], [2, 3]]


@pytest.mark.parametrize(
    "other",
    [
        replace(ATTEMPT, case="other"),
        replace(ATTEMPT, route="/embeddings"),
        replace(ATTEMPT, model="other"),
        replace(ATTEMPT, body_sha256="c" * 64),
    ],
)
def test_another_question_is_another_call(other: Attempt) -> None:
    assert len(calls([attempt(1, 0, 1), replace(other, times=attempt(2, 2, 3).times)])) == 2


@pytest.mark.parametrize("kind", ["catalogue", "noise", "unknown", "redirect"])
def test_only_requests_for_a_call_are_attempts(kind: str) -> None:
    assert calls([replace(ATTEMPT, kind=kind)]) == ()


def test_a_gap_begins_when_the_client_went_away_and_ends_when_it_came_back() -> None:
    gone = replace(
        ATTEMPT, times=Times(accepted=0, headers=0, body=0, first_byte=None, ended=9, peer_closed=2)
    )
    new = replace(attempt(2, 3, 4), times=replace(attempt(2, 3, 4).times, headers=3.5))
    (call,) = calls([gone, new])
    assert call.gaps == (1,)
    # On the same connection: accepted long ago, so the head of the request is what tells.
    kept = replace(new, times=replace(new.times, accepted=0))
    (call,) = calls([gone, kept])
    assert call.gaps == (1.5,)
