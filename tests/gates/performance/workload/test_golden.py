"""Ceilings: what a measurement says of them, what a change may do to them, and their only form in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.gates.performance.counters import COUNTERS, Count
from pytest_failhard.gates.performance.golden import (
    FILE,
    SCHEMA,
    Entry,
    Golden,
    Judged,
    dump,
    json_schema,
    judge,
    parse,
)
from pytest_failhard.gates.performance.workload.tightening import Change, LooseningError, Word, tightened
from pytest_failhard.model import GateError, Severity
from tests.schemas import jsonschema
from tests.size import FULL

ENTRY = Entry(
    case="describe",
    counter="llm_calls",
    value=80,
    harness="a" * 64,
    reason="a prompt of two steps",
    owner="anna@shop.invalid",
    commit="b" * 40,
    date="2026-11-20",
)
CALLS = Count(case="describe", counter="llm_calls", value=80, harness="a" * 64, base=80)
WORD = Word(reason="fewer steps", owner="ben@shop.invalid", commit="c" * 40, date="2026-11-22")


def golden(*entries: Entry) -> Golden:
    return Golden.of(entries or (ENTRY,))


def told(judged: Judged) -> list[tuple[str, Severity]]:
    return [(finding.name, finding.severity) for finding in judged.findings]


def refusals(judged: Judged) -> list[tuple[str, str]]:
    return [(finding.name, finding.anchor) for finding in judged.refused]


def test_what_is_at_its_ceiling_is_in_order() -> None:
    assert judge([CALLS], golden(), golden()) == Judged(ceilings={ENTRY.key: 80})
    assert judge([CALLS], golden(), None) == Judged(ceilings={ENTRY.key: 80})


def test_above_below_and_the_base_beside_it() -> None:
    above = judge([replace(CALLS, value=81)], golden(), golden())
    assert (told(above), above.exceeded) == ([("golden-exceeded", Severity.MEDIUM)], 1)
    assert above.findings[0].message == (
        "describe/llm_calls: 81 measured, the ceiling is 80; the base has 80"
    )
    alone = judge([replace(CALLS, value=81, base=None)], golden(), None)
    assert "the base has unknown" in alone.findings[0].message
    below = judge([replace(CALLS, value=70)], golden(), golden())
    assert (told(below), below.exceeded) == ([("golden-slack", Severity.LOW)], 0)
    assert "10 below the ceiling of 80" in below.findings[0].message


def test_names_and_harness_must_be_the_same() -> None:
    more = replace(CALLS, counter="llm_input_tokens")
    other = replace(ENTRY, case="gone")
    assert refusals(judge([CALLS, more], golden(ENTRY, other), None)) == [
        ("golden-missing", "describe/llm_input_tokens"),
        ("golden-unmeasured", "gone/llm_calls"),
    ]
    stale = judge([replace(CALLS, harness="d" * 64, value=90)], golden(), None)
    assert refusals(stale) == [("golden-stale", "describe/llm_calls")]
    # Of other work the ceiling says nothing.
    assert (stale.findings, stale.compared) == ((), 0)
    missing = judge([CALLS], None, None)
    assert refusals(missing) == [("golden-missing", FILE)]
    assert "failhard golden update" in missing.refused[0].fix


def test_what_nobody_demanded_needs_no_ceiling() -> None:
    counted = replace(CALLS, case="tests/test_a.py::test_x", counter="sql_statements", demanded=False)
    assert judge([counted], None, None) == Judged()
    assert judge([counted, CALLS], golden(), None).compared == 1
    bounded = replace(ENTRY, case=counted.case, counter="sql_statements", value=79)
    assert judge([counted, CALLS], golden(ENTRY, bounded), None).exceeded == 1


def test_a_change_cannot_raise_its_own_ceiling() -> None:
    raised = replace(ENTRY, value=100)
    judged = judge([replace(CALLS, value=90)], golden(raised), golden())
    assert told(judged) == [("golden-exceeded", Severity.MEDIUM), ("golden-raised", Severity.MEDIUM)]
    assert "raised from 80 to 100: a prompt of two steps" in judged.findings[1].message
    lowered = judge([CALLS], golden(replace(ENTRY, value=70)), golden())
    assert told(lowered) == [("golden-exceeded", Severity.MEDIUM)]
    added = judge([CALLS], golden(), Golden())
    assert (told(added), added.compared) == ([("golden-added", Severity.LOW)], 1)
    # More items: the old ceiling is about other work, and still nobody raises it in passing.
    other = replace(raised, harness="d" * 64)
    items = judge([replace(CALLS, value=100, harness="d" * 64)], golden(other), golden())
    assert told(items) == [("golden-raised", Severity.MEDIUM)]


def test_an_update_tightens_and_says_who_and_why() -> None:
    more = replace(CALLS, counter="llm_input_tokens", value=7)
    others = replace(ENTRY, case="route:x", counter="response_bytes")
    gone = replace(ENTRY, case="gone")
    made, changes = tightened(golden(ENTRY, gone, others), [replace(CALLS, value=70), more], WORD)
    assert [str(change) for change in changes] == [
        "describe/llm_calls: 80 -> 70",
        "describe/llm_input_tokens: - -> 7",
        "gone/llm_calls: 80 -> -",
    ]
    entry = made.entries["describe", "llm_calls"]
    assert (entry.value, entry.reason, entry.owner, entry.commit, entry.date) == (
        70,
        "fewer steps",
        "ben@shop.invalid",
        "c" * 40,
        "2026-11-22",
    )
    # Who answered for what did not change still does.
    assert tightened(golden(), [CALLS], WORD) == (golden(), ())
    stale, changed = tightened(golden(), [replace(CALLS, harness="d" * 64)], WORD)
    assert changed == (Change(key=ENTRY.key, before=80, after=80),)
    assert stale.entries[ENTRY.key].harness == "d" * 64
    assert made.entries[others.key] == others


def test_what_gets_worse_must_be_named_and_nothing_else() -> None:
    worse = [replace(CALLS, value=90)]
    with pytest.raises(LooseningError, match="--loosen describe/llm_calls"):
        tightened(golden(), worse, WORD)
    made, _ = tightened(golden(), worse, WORD, ["describe/llm_calls"])
    assert made.entries[ENTRY.key].value == 90
    with pytest.raises(LooseningError, match="describe/llm_calls: is not above its ceiling"):
        tightened(golden(), [CALLS], WORD, ["describe/llm_calls"])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"{", "Invalid JSON"),
        ({"schema": "failhard-golden/2", "entries": []}, "schema"),
        ({"schema": SCHEMA}, "entries"),
        ({"value": -1}, "entries[0].value"),
        ({"value": 1.5}, "entries[0].value"),
        ({"value": "80"}, "entries[0].value"),
        ({"harness": "short"}, "must be a SHA-256"),
        ({"reason": " "}, "must not be empty"),
        ({"commit": "main"}, "must be a whole commit id"),
        ({"date": "2026-02-30"}, "must be a day that exists"),
        ({"counter": "LLM calls"}, "must be lower case"),
        ({"tolerance": 5}, "unknown key"),
    ],
)
def test_a_file_that_is_none(document: bytes | dict[str, object], words: str) -> None:
    if isinstance(document, dict) and "schema" not in document:
        document = {"schema": SCHEMA, "entries": [{**vars(ENTRY), **document}]}
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(GateError) as error:
        parse(data)
    assert FILE in str(error.value)
    assert words in str(error.value)


def test_two_of_the_same_are_refused() -> None:
    document = {"schema": SCHEMA, "entries": [vars(ENTRY), vars(ENTRY)]}
    with pytest.raises(GateError, match="describe/llm_calls: stands twice"):
        parse(json.dumps(document).encode())


TEXTS = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
ENTRIES = st.builds(
    Entry,
    case=TEXTS,
    counter=st.sampled_from(COUNTERS),
    value=st.integers(min_value=0, max_value=10**18),
    harness=st.text("0123456789abcdef", min_size=64, max_size=64),
    reason=TEXTS,
    owner=TEXTS,
    commit=st.sampled_from(["", "b" * 40, "b" * 64]),
    date=st.dates().map(lambda day: day.isoformat()),
)


@settings(max_examples=25 if FULL else 10, deadline=None)
@given(st.lists(ENTRIES, max_size=6, unique_by=lambda entry: entry.key))
def test_the_file_has_one_form_whatever_the_order(entries: Iterable[Entry]) -> None:
    listed = list(entries)
    data = dump(Golden.of(listed))
    assert dump(parse(data)) == data == dump(Golden.of(reversed(listed)))
    assert parse(data) == Golden.of(listed)
    jsonschema.validate(json.loads(data), json_schema())
    assert [(each["case"], each["counter"]) for each in json.loads(data)["entries"]] == sorted(
        entry.key for entry in listed
    )
