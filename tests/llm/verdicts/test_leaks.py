"""A key is found in every form in which it can leave a system, and the provider's own echo is none."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.leakage import SLICE, leaks, random_part
from pytest_failhard.llm.canaries import KEYS
from pytest_failhard.llm.verdicts import Outcome, no_secret_leak
from pytest_failhard.model import Severity
from tests.llm.verdicts.samples import FIRST, MINE, REFUSED, exited, raised, returned, rules

NAMES = sorted(KEYS)
ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "plain": lambda data: data.decode("latin-1"),
    "base64": lambda data: base64.b64encode(data).decode(),
    "base64 lines": lambda data: base64.encodebytes(data).decode(),
    "base64 without padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "base64url": lambda data: base64.urlsafe_b64encode(data).decode(),
    "hex": lambda data: data.hex(),
    "HEX": lambda data: data.hex().upper(),
    "URL": lambda data: quote(data, safe=""),
    "JSON": lambda data: json.dumps(data.decode("latin-1")).replace("/", "\\/"),
}


def found(text: str) -> list[str]:
    return [leak.key for leak in leaks(text, MINE.keys)]


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_found_in_every_encoding_at_every_alignment(name: str, encoding: str) -> None:
    for before in range(4):
        data = b"!" * before + MINE.keys[name].encode() + b"?" * (3 - before)
        assert name in found(f"value={ENCODINGS[encoding](data)}."), (before, encoding)


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(sorted(ENCODINGS)), st.data())
def test_any_twelve_characters_of_the_random_part_are_a_leak(
    name: str, encoding: str, data: st.DataObject
) -> None:
    secret = random_part(MINE.keys[name])
    start = data.draw(st.integers(0, len(secret) - SLICE))
    before = data.draw(st.binary(max_size=5))
    part = secret[start : start + SLICE].encode()
    assert name in found(ENCODINGS[encoding](before + part))


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_eleven_characters_are_none(name: str, data: st.DataObject) -> None:
    secret = random_part(MINE.keys[name])
    start = data.draw(st.integers(0, len(secret) - SLICE + 1))
    assert found(f"({secret[start : start + SLICE - 1]})") == []


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_random_data_holds_no_key(data: bytes) -> None:
    text = f"{base64.b64encode(data).decode()} {data.hex()} {quote(data)}"
    assert found(text) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_masked_echo_and_the_constant_prefix_are_legal(name: str) -> None:
    key = MINE.keys[name]
    assert found(f"Incorrect API key provided: {key[:6]}***{key[-4:]}. sk-proj- sk-ant-api03-") == []


def test_a_short_key_is_searched_for_as_a_whole() -> None:
    assert [leak.key for leak in leaks("x hunter2! y", {"TOKEN": "hunter2!"})] == ["TOKEN"]
    assert leaks("x hunter2 y", {"TOKEN": "hunter2!", "EMPTY": ""}) == ()


def test_the_place_is_named_and_the_key_is_not() -> None:
    key = MINE.keys["OPENAI_API_KEY"]
    outcome = raised(stderr=f"one\ntwo\nkey is {key}\n", headers="ok")
    (finding,) = no_secret_leak((), outcome, REFUSED)
    place = "key[OPENAI_API_KEY] found in stderr, line 3"
    assert finding.message == f"openai-invalid_key@summarise: {place}"
    assert (finding.rule, finding.severity) == ("leaked-key", Severity.HIGH)


def test_a_key_of_several_lines_has_no_line() -> None:
    (leak,) = leaks("x hun\nter2! y", {"TOKEN": "hun\nter2!"})
    assert (leak.key, leak.line) == ("TOKEN", 0)
    (finding,) = no_secret_leak(
        (),
        raised(stderr="x hun\nter2! y"),
        replace(REFUSED, canaries=replace(MINE, keys={"T": "hun\nter2!"})),
    )
    assert finding.message.endswith("key[T] found in stderr")


@pytest.mark.parametrize(
    "outcome",
    [
        returned(MINE.keys["OPENAI_API_KEY"]),
        raised(MINE.keys["AZURE_API_KEY"]),
        exited(1, stdout=MINE.keys["MISTRAL_API_KEY"]),
        returned(argv=f"app --key {MINE.keys['CO_API_KEY']}"),
        returned(body=FIRST.keys["OPENAI_API_KEY"]),
        replace(returned(), files={"out/a.bin": b"\xff\x00" + MINE.keys["GROQ_API_KEY"].encode()}),
    ],
)
def test_every_way_out_is_searched(outcome: Outcome) -> None:
    assert rules(no_secret_leak((), outcome, REFUSED)) == ["leaked-key"]


def test_the_id_of_an_aws_key_alone_is_a_small_matter() -> None:
    (alone,) = no_secret_leak((), raised(MINE.keys["AWS_ACCESS_KEY_ID"]), REFUSED)
    both = f"{MINE.keys['AWS_ACCESS_KEY_ID']} {MINE.keys['AWS_SECRET_ACCESS_KEY']}"
    (pair,) = no_secret_leak((), raised(both), REFUSED)
    assert (alone.severity, pair.severity) == (Severity.LOW, Severity.HIGH)


def test_personal_text_may_stand_in_an_answer_and_in_no_log() -> None:
    personal = replace(REFUSED, personal=FIRST.middle)
    assert rules(no_secret_leak((), raised(log=f"asked {FIRST.middle.upper()}"), personal)) == [
        "leaked-prompt"
    ]
    assert rules(no_secret_leak((), raised(stderr=FIRST.middle), personal)) == ["leaked-prompt"]
    assert no_secret_leak((), returned(FIRST.middle, body=FIRST.middle), personal) == ()
    assert no_secret_leak((), raised(log=f"asked {FIRST.middle}"), REFUSED) == ()
