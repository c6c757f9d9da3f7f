"""What is put on the wire for a fault: whole answers, edited ones, streams, and broken connections."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime

import h11
import pytest

from pytest_failhard.llm import catalogue, edits, recipes, samples, vectors, wire
from pytest_failhard.llm.catalogue import Fault, Form, Json
from pytest_failhard.llm.content import at, text_of
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.operations import Drip, Fin, Hang, Repeat, Rst, Send, Sleep
from pytest_failhard.llm.request import Request
from pytest_failhard.llm.wire import Compiled, Context, WireError
from tests.llm import golden
from tests.llm.http_client import Answer, read

WORDS = samples.CANARIES
CATALOGUE = catalogue.load()


def _fault(needs: tuple[str, ...] = (), **params: float | str | None) -> Fault:
    return Fault(
        id="sample",
        kind="silent",
        level=1,
        oracle="fail",
        summary="A sample.",
        needs=needs,
        params=params,
        dialects={},
    )


def _failing(
    form: Form, dialect: str = "openai", needs: tuple[str, ...] = (), **params: int | str | None
) -> Compiled:
    return wire.failing(golden.context(samples.request(dialect, needs)), _fault(needs), form, params)


def _form(
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
    text: str | None = None,
    json: Json = None,
    patch: Mapping[str, Json] | None = None,
    remove: tuple[str, ...] = (),
    stream: str = "",
    recipe: str = "",
    vectors: str = "",
    params: Mapping[str, int | float | str] | None = None,
) -> Form:
    return Form(
        verified="m",
        status=status,
        headers=headers or {},
        media_type=media_type,
        text=text,
        json=json,
        patch=patch or {},
        remove=remove,
        stream=stream,
        recipe=recipe,
        vectors=vectors,
        params=params or {},
    )


def _known(name: str, dialect: str = "openai", **params: int | str | None) -> Compiled:
    fault = CATALOGUE.find(name)
    form = CATALOGUE.form(fault, dialect)
    assert form is not None
    return wire.failing(golden.context(samples.request(dialect, fault.needs)), fault, form, params)


def _texts(answer: Answer) -> str:
    """Return the text of a chat stream."""
    lines = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    return "".join(text_of(at(json.loads(line), "choices", 0, "delta", "content")) for line in lines)


# Whole answers.


def test_a_json_form_is_answered_with_its_placeholders_filled() -> None:
    body: Json = {
        "error": {"message": "{{model}} {{poison}} {{key_masked}} {{n}}", "n": "{{n}}", "code": None}
    }
    answer = read(_failing(_form(status=400, json=body), n=3))

    assert answer.status == 400
    assert answer.json == {
        "error": {"message": "gpt-4o-mini poisonword sk-sam***0000 3", "n": 3, "code": None}
    }
    assert answer.headers["x-request-id"] == samples.REQUEST_ID


def test_a_text_form_is_answered_under_its_media_type() -> None:
    answer = read(_failing(_form(status=502, media_type="text/html", text="<p>{{request_id}}</p>")))

    assert answer.body == f"<p>{samples.REQUEST_ID}</p>".encode()
    assert answer.headers["content-type"] == "text/html"


def test_a_form_with_nothing_but_a_status_has_an_empty_body() -> None:
    assert read(_failing(_form(status=302))).headers["content-length"] == "0"


def test_no_content_has_no_length() -> None:
    answer = read(_failing(_form(status=204)))

    assert answer.complete
    assert "content-length" not in answer.headers


def test_a_patch_sets_adds_and_removes() -> None:
    patch: dict[str, Json] = {"/choices/0/message/content": "{{canary_head}}", "/choices/-": {"a/b": 1}}
    answer = read(_failing(_form(patch=patch, remove=("/usage", "/choices/0/logprobs"))))

    assert at(answer.json, "choices", 0, "message", "content") == WORDS.head
    assert at(answer.json, "choices", 1) == {"a/b": 1}
    assert "usage" not in answer.json
    assert "logprobs" not in str(answer.json["choices"])


def test_a_patch_of_the_whole_and_of_escaped_names() -> None:
    answer = read(_failing(_form(patch={"": {"a/b": [1, 2]}, "/a~1b/0": 3}, remove=("/a~1b/1",))))

    assert answer.json == {"a/b": [3]}


@pytest.mark.parametrize(
    ("patch", "remove"),
    [
        ({"/none/0": 1}, ()),
        ({"/choices/7": 1}, ()),
        ({"/choices/7/a": 1}, ()),
        ({"choices": 1}, ()),
        ({"/id/0": 1}, ()),
        ({}, ("/none",)),
        ({}, ("/choices/9",)),
        ({"/usage/prompt_tokens": "{{none}}"}, ()),
    ],
)
def test_an_edit_of_what_is_not_there_is_an_error(patch: dict[str, Json], remove: tuple[str, ...]) -> None:
    with pytest.raises(WireError, match=r"openai /chat/completions: "):
        _failing(_form(patch=patch, remove=remove))


def test_an_edited_answer_reports_its_own_usage() -> None:
    assert _known("usage_huge").usage.input == 1_000_000
    assert _known("usage_missing").usage == Usage()
    assert _known("server_error").usage == Usage()


def test_the_parameters_of_a_rule_win_over_the_forms_and_those_over_the_faults() -> None:
    form = _form(text="{{a}} {{b}} {{c}}", params={"b": 2, "c": 2})
    fault = _fault(a=1, b=1, c=1)

    compiled = wire.failing(golden.context(samples.request("openai", ())), fault, form, {"c": 3})

    assert read(compiled).body == b"1 2 3"


def test_an_edit_of_the_text_is_met_by_a_forced_call_too() -> None:
    form = _form(
        patch={"/choices/0/message/content": "{{content_cut}}", "/choices/0/finish_reason": "length"}
    )
    context = golden.context(samples.request("openai", ("tools",)))
    answer = read(wire.failing(context, _fault(), form))

    assert at(answer.json, "choices", 0, "message", "tool_calls") is None
    assert text_of(at(answer.json, "choices", 0, "message", "content")).endswith("middl")


def test_an_edit_of_a_call_is_met_where_the_model_was_free_too() -> None:
    body = samples.request("openai", ("tools",)).json | {"tool_choice": "auto"}
    request = Request("POST", "/v1/chat/completions", (), json.dumps(body).encode())
    form = CATALOGUE.find("tool_args_malformed").dialects["openai"]
    answer = read(wire.failing(golden.context(request), CATALOGUE.find("tool_args_malformed"), form))

    assert at(answer.json, "choices", 0, "finish_reason") == "tool_calls"
    assert at(answer.json, "choices", 0, "message", "tool_calls", 0, "function", "name") == "weather"


def test_a_fault_of_calls_needs_tools() -> None:
    with pytest.raises(WireError, match="tool_cut needs tools"):
        wire.failing(
            golden.context(samples.request("openai", ("stream",))),
            replace(_fault(("tools",)), id="tool_cut"),
            _form(stream="tool_cut"),
        )


def test_a_patched_answer_streams_where_a_stream_is_asked_for() -> None:
    context = golden.context(samples.request("openai", ("stream",)))
    form = CATALOGUE.find("finish_length").dialects["openai"]
    answer = read(wire.failing(context, CATALOGUE.find("finish_length"), form))

    assert _texts(answer).endswith(" middl")
    assert b'"finish_reason":"length"' in answer.body
    assert answer.body.endswith(b"data: [DONE]\n\n")


def _on(target: str, name: str, dialect: str, body: dict[str, object]) -> Answer:
    fault = CATALOGUE.find(name)
    form = CATALOGUE.form(fault, dialect)
    assert form is not None
    request = Request("POST", target, (), json.dumps(body).encode())
    return read(wire.failing(golden.context(request), fault, form))


def test_an_invoked_model_fails_as_its_maker_does() -> None:
    answer = _on("/model/anthropic.claude/invoke", "finish_length", "bedrock", {})

    assert answer.json["stop_reason"] == "max_tokens"


def test_a_legacy_completion_has_its_text_elsewhere() -> None:
    answer = _on("/v1/completions", "finish_length", "openai", {"prompt": "a"})

    assert text_of(at(answer.json, "choices", 0, "text")).endswith(" middl")


def test_a_response_streams_what_is_no_message_and_refusals() -> None:
    asked: dict[str, object] = {"input": "a", "stream": True}
    reasoned = _on("/v1/responses", "responses_reasoning_only", "openai_responses", asked)
    refused = _on("/v1/responses", "responses_refusal", "openai_responses", asked)
    failed = _on("/v1/responses", "responses_failed", "openai_responses", asked)

    assert b'"type":"reasoning"' in reasoned.body
    assert b"event: response.output_item.added" in reasoned.body
    assert b"event: response.refusal.delta" in refused.body
    assert b"event: response.failed" in failed.body


def test_a_message_without_content_streams_nothing_but_its_end() -> None:
    asked: dict[str, object] = {"messages": [], "stream": True}
    answer = _on("/v1/messages", "content_empty", "anthropic", asked)

    assert b"content_block" not in answer.body
    assert b"message_stop" in answer.body


def test_a_blocked_prompt_streams_no_candidates() -> None:
    answer = _on("/models/g:streamGenerateContent?alt=sse", "prompt_blocked", "gemini", {})

    assert b'candidates"' not in answer.body
    assert b'"blockReason":"SAFETY"' in answer.body


def test_an_answer_without_usage_streams_none() -> None:
    asked = {"stream": True, "stream_options": {"include_usage": True}}

    assert b'"usage"' not in _on("/v1/chat/completions", "usage_missing", "openai", asked).body


def test_a_charset_is_the_bodys() -> None:
    answer = read(_known("body_latin1"))

    assert b"\xff\xfe" in answer.body
    with pytest.raises(UnicodeDecodeError):
        answer.body.decode()


# Vectors.


def _vectors(name: str, encoding: str) -> list[object]:
    body = {"model": "m", "input": ["a", "b"], "dimensions": 4, "encoding_format": encoding}
    request = Request("POST", "/v1/embeddings", (), json.dumps(body).encode())
    compiled = wire.failing(golden.context(request), _fault(), _form(vectors=name))
    data = read(compiled).json["data"]
    assert isinstance(data, list)
    return data


@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_vectors_are_edited_in_either_encoding(encoding: str) -> None:
    assert len(_vectors("short", encoding)) == 1
    assert [at(each, "index") for each in _vectors("shuffled", encoding)] == [1, 0]
    assert (
        len(str(at(_vectors("wrong_dim", encoding)[0], "embedding")))
        < len(str(at(_vectors("zero", encoding)[0], "embedding")))
        or encoding == "float"
    )


def test_vectors_are_of_another_length_not_numbers_or_zero() -> None:
    assert len(str(at(_vectors("wrong_dim", "float")[0], "embedding")).split(",")) == 3
    assert "nan" in str(at(_vectors("nan", "float")[0], "embedding"))
    assert at(_vectors("zero", "float")[0], "embedding") == [0.0] * 4


def test_vectors_that_are_not_there_cannot_be_edited() -> None:
    with pytest.raises(WireError, match="no edit 'zero' of vectors here"):
        _failing(_form(vectors="zero"))


# Hints.


def test_the_places_that_tell_a_wait_agree() -> None:
    compiled = _known("rate_limit_rpm", hint_ms=1500)
    answer = read(compiled)

    assert compiled.hint_seconds == 1.5
    assert answer.headers["retry-after-ms"] == "1500"
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["x-ratelimit-reset-requests"] == "1.5s"
    assert "try again in 1.5s" in answer.body.decode()


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(5, "5ms"), (20, "20ms"), (1000, "1s"), (360000, "6m0s"), (61500, "1m1.5s")]
)
def test_a_wait_is_written_as_the_provider_does(milliseconds: int, text: str) -> None:
    assert read(_failing(_form(text="{{hint_text}}"), hint_ms=milliseconds)).body == text.encode()


def test_without_a_hint_its_headers_are_left_out_and_texts_say_a_moment() -> None:
    compiled = _known("rate_limit_rpm", hint_ms=None)
    answer = read(compiled)

    assert compiled.hint_seconds is None
    assert not {"retry-after", "retry-after-ms", "x-ratelimit-reset-requests"} & answer.headers.keys()
    assert "try again in a moment" in answer.body.decode()


def test_a_date_is_the_time_after_the_wait() -> None:
    compiled = _failing(_form(status=429, headers={"Retry-After": "{{http_date}}"}), hint_ms=2000)
    then = parsedate_to_datetime(read(compiled).headers["retry-after"])

    assert (then - samples.NOW).total_seconds() == compiled.hint_seconds == 2


def test_geminis_hint_is_in_the_body() -> None:
    compiled = _known("rate_limit_rpm", "gemini", hint_ms=34000)

    assert compiled.hint_seconds == 34
    assert '"retryDelay":"34s"' in compiled.script.data.decode()
    assert "retry-after" not in read(compiled).headers


def test_without_a_hint_gemini_says_no_delay() -> None:
    compiled = _known("rate_limit_rpm", "gemini", hint_ms=None)

    assert compiled.hint_seconds is None
    assert "RetryInfo" not in compiled.script.data.decode()


def test_what_a_dialect_does_not_know_it_does_not_send() -> None:
    assert "retry-after-ms" not in read(_known("proxy_html_502", "bedrock")).headers
    assert "retry-after-ms" in read(_known("proxy_html_502", "anthropic")).headers


def test_a_wait_of_nothing_asks_for_none() -> None:
    assert _known("retry_after_zero").hint_seconds is None


def _disagrees(compiled: Compiled) -> bool:
    """Whether a text tells another wait than the headers, or a placeholder was left over."""
    data = compiled.script.data
    told = re.search(rb"try again in ([0-9.]+)(ms|s)\b", data, re.IGNORECASE)
    if told is None or compiled.hint_seconds is None:
        return b"{{" in data
    seconds = float(told.group(1)) / (1000 if told.group(2) == b"ms" else 1)
    return seconds != pytest.approx(compiled.hint_seconds)


@pytest.mark.parametrize("dialect", samples.PLACES)
def test_an_answer_of_the_catalogue_agrees_with_itself(dialect: str) -> None:
    compiled = {fault.id: golden.failing(fault, dialect)[1] for fault in golden.answered(dialect)}

    assert compiled
    assert [name for name, each in compiled.items() if _disagrees(each)] == []


# Their bytes are no words of anybody: the healthy answer cut, codes, and what parses to nothing.
WORDLESS = {
    "body_array",
    "body_empty",
    "body_malformed",
    "body_null",
    "body_object_empty",
    "no_content_204",
}


@pytest.mark.parametrize("dialect", samples.PLACES)
def test_every_body_that_replaces_the_answer_carries_the_poison(dialect: str) -> None:
    clean = {
        fault.id
        for fault in golden.answered(dialect)
        for form, compiled in [golden.failing(fault, dialect)]
        if form.status < 300
        and not (form.patch or form.remove or form.stream or form.recipe or form.vectors)
        and WORDS.poison.encode() not in compiled.script.data
    }

    assert clean <= WORDLESS


# Streams.


def _stream(
    edit: str,
    *needs: str,
    dialect: str = "openai",
    text: str | None = None,
    json: Json = None,
    params: Mapping[str, int | float | str] | None = None,
) -> Compiled:
    form = _form(stream=edit, text=text, json=json, params=params)
    return _failing(form, dialect, ("stream", *needs))


def test_every_edit_and_recipe_of_the_catalogue_is_known() -> None:
    forms = [form for fault in CATALOGUE.faults.values() for form in fault.dialects.values()]
    answers = [
        f for fault in CATALOGUE.faults.values() if fault.stage == "answer" for f in fault.dialects.values()
    ]

    assert {form.stream for form in forms} - {""} <= edits.NAMES
    assert {form.recipe for form in answers} - {""} <= recipes.NAMES
    assert {form.vectors for form in forms} - {""} <= vectors.NAMES


@pytest.mark.parametrize(
    "dialect", ["openai", "openai_responses", "anthropic", "gemini", "bedrock", "cohere", "ollama"]
)
@pytest.mark.parametrize(
    "name", sorted(edits.NAMES - edits.WHOLE - {"missing_index", "interleaved", "empty_choices"})
)
def test_every_edit_can_be_made_in_every_dialect(dialect: str, name: str) -> None:
    if name.startswith("tool_"):
        compiled = _stream(name, "tools", dialect=dialect)
    else:
        compiled = _stream(name, dialect=dialect)

    assert compiled.script.operations
    assert compiled.status == 200


def test_a_truncated_stream_ends_cleanly_inside_the_middle_word() -> None:
    answer = read(_stream("truncated"))

    assert answer.complete
    assert _texts(answer) == f"{WORDS.head} goes before middl"
    assert b"[DONE]" not in answer.body
    assert b'"finish_reason":"stop"' not in answer.body


def test_an_empty_stream_has_no_event() -> None:
    assert read(_stream("empty")).body == b""


def test_a_broken_stream_ends_without_its_last_chunk() -> None:
    closed, reset = _stream("fin"), _stream("rst")

    assert isinstance(closed.script.operations[-1], Fin)
    assert [type(each) for each in reset.script.operations] == [Send, Sleep, Rst]
    assert not read(closed).complete


def test_a_stalled_stream_says_one_piece() -> None:
    compiled = _stream("stall")

    assert _texts(read(compiled)) == WORDS.head
    assert isinstance(compiled.script.operations[-1], Hang)


def test_comments_keep_a_stream_alive_for_ever_or_for_a_while() -> None:
    forever = _stream("keepalive_forever", text=": wait", params={"every": 0.5}).script.operations
    *beats, rest = _stream("keepalive", params={"count": 2, "every": 0.1}).script.operations

    assert forever[1] == Repeat(data=b"8\r\n: wait\n\n\r\n", every=0.5)
    assert [type(each) for each in beats] == [Send, Sleep, Send, Sleep]
    assert isinstance(rest, Send)
    assert WORDS.tail.encode() in rest.data


def test_a_heartbeat_is_the_dialects_own() -> None:
    assert b"event: ping" in _stream("keepalive", dialect="anthropic").script.data


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("error_object", b'data: {"error":'),
        ("error_event", b'event: error\ndata: {"error":'),
        ("bad_json", b'data: {"id": "c1", "choices": [\n\n'),
        ("not_object", b"data: 42\n\n"),
    ],
)
def test_something_else_comes_in_the_place_of_the_rest(edit: str, said: bytes) -> None:
    answer = read(_stream(edit))

    assert said in answer.body
    assert WORDS.tail not in _texts_before(answer.body, said)


def _texts_before(body: bytes, place: bytes) -> str:
    return body[: body.index(place)].decode()


def test_an_event_can_hold_what_is_no_utf8() -> None:
    assert b"poisonword\xff\xfe" in read(_stream("bad_utf8")).body


def test_a_chunk_can_be_longer_than_it_says() -> None:
    with pytest.raises(h11.RemoteProtocolError):
        read(_stream("bad_chunk"))


def test_every_piece_can_come_twice() -> None:
    assert _texts(read(_stream("duplicate"))).startswith(f"{WORDS.head}{WORDS.head} goes goes")


def test_choices_can_lack_their_index_or_come_in_turn() -> None:
    assert b'"index"' not in read(_stream("missing_index")).body
    indexes = re.findall(
        rb'"index":(\d),"delta":\{"content":"[^"]', read(_stream("interleaved", "choices")).body
    )
    assert indexes[:4] == [b"0", b"1", b"0", b"1"]


@pytest.mark.parametrize(
    ("edit", "reason"), [("finish_length", "length"), ("finish_filter", "content_filter")]
)
def test_a_stream_can_end_for_another_reason(edit: str, reason: str) -> None:
    answer = read(_stream(edit))

    assert f'"finish_reason":"{reason}"'.encode() in answer.body
    assert _texts(answer).endswith(" middl")


def test_done_can_be_missing_or_first() -> None:
    assert b"[DONE]" not in read(_stream("no_done")).body
    assert read(_stream("done_first")).body.startswith(b"data: [DONE]")


def test_a_chunk_without_choices_comes_in_the_middle_or_where_it_is_told() -> None:
    told = read(_stream("empty_choices", json={"choices": [], "id": ""}, params={"at": 0}))

    assert b'"choices":[]' in read(_stream("empty_choices")).body
    assert told.body.startswith(b'data: {"choices":[],"id":""}')


def test_lines_can_end_in_crlf() -> None:
    body = read(_stream("crlf")).body

    assert body.count(b"\n") == body.count(b"\r\n") > 10


def test_an_event_can_come_in_two_writes() -> None:
    compiled = _stream("split")

    assert [type(each) for each in compiled.script.operations] == [Send, Sleep, Send]
    assert (
        read(compiled).body == read(wire.healthy(golden.context(samples.request("openai", ("stream",))))).body
    )


def test_an_empty_answer_cannot_be_split_and_is_whole() -> None:
    context = golden.context(samples.request("gemini", ("stream",)))
    empty = replace(context, content=replace(context.content, text=""))
    compiled = wire.failing(empty, _fault(("stream",)), _form(stream="split"))

    assert read(compiled).complete


def test_the_last_event_can_lack_its_blank_line() -> None:
    assert read(_stream("last_unterminated")).body.endswith(b"}]}")


def test_bytes_of_a_frame_can_be_missing_or_wrong() -> None:
    whole = read(_stream("truncated", dialect="bedrock")).body
    cut = read(_stream("cut_frame", dialect="bedrock")).body
    bad = read(_stream("bad_crc", dialect="bedrock")).body

    assert whole.startswith(cut)
    assert (len(bad), bad[:-1], bad[-1] ^ whole[-1]) == (len(whole), whole[:-1], 1)


def test_an_error_frame_can_name_its_code() -> None:
    compiled = _stream(
        "error_event", dialect="bedrock", params={"error": "internal"}, json={"message": "x {{poison}}"}
    )

    assert b":error-code\x07\x00\x08internal" in compiled.script.data
    assert b"x poisonword" in compiled.script.data


@pytest.mark.parametrize(
    ("name", "why"), [("nonsense", "is no edit of a stream"), ("not_object", "no placeholder")]
)
def test_an_edit_that_cannot_be_made_is_an_error(name: str, why: str) -> None:
    with pytest.raises(WireError, match=why):
        _stream(name, text="{{nothing}}")


def test_a_stream_cannot_be_edited_where_none_is_asked_for() -> None:
    with pytest.raises(WireError, match="sample edits a stream, and the request asks for none"):
        _failing(_form(stream="truncated"))


# Recipes.


def _recipe(name: str, dialect: str = "openai", *needs: str, **params: int) -> Compiled:
    return _failing(_form(recipe=name), dialect, needs, **params)


@pytest.mark.parametrize(
    ("name", "last"), [("fin_before", Fin()), ("rst_before", Rst()), ("read_timeout", Hang())]
)
def test_some_answers_never_begin(name: str, last: object) -> None:
    compiled = _recipe(name)

    assert compiled.script.operations == (last,)
    assert compiled.status == 0
    assert compiled.usage == Usage()


def test_a_reset_comes_after_half_the_body_has_left() -> None:
    sent, pause, reset = _recipe("rst_mid_body").script.operations

    assert isinstance(sent, Send)
    assert b'"id":"chatcmpl-' in sent.data
    assert pause == Sleep(seconds=0.05)
    assert reset == Rst()


def test_a_short_body_lacks_40_bytes() -> None:
    answer = read(_recipe("short_body"))

    assert not answer.complete
    assert int(answer.headers["content-length"]) - len(answer.body) == 40


@pytest.mark.parametrize("name", ["bad_status_line", "bad_chunk"])
def test_some_answers_are_no_http(name: str) -> None:
    with pytest.raises(h11.RemoteProtocolError):
        read(_recipe(name))


@pytest.mark.parametrize("needs", [(), ("stream",)])
def test_a_body_can_say_gzip_and_be_nothing(needs: tuple[str, ...]) -> None:
    answer = read(_recipe("bad_gzip", "openai", *needs))

    assert answer.headers["content-encoding"] == "gzip"
    assert WORDS.head.encode() not in answer.body


def test_a_drip_ends_after_some_seconds_however_long_the_answer_is() -> None:
    short = _recipe("slow_drip").script.operations[1]
    long = _recipe("slow_drip", "openai", "stream").script.operations[1]

    assert isinstance(short, Drip)
    assert isinstance(long, Drip)
    for each in (short, long):
        assert len(each.data) / each.size * each.every <= 2.61


@pytest.mark.parametrize("needs", [(), ("stream",)])
def test_an_endless_drip_is_legal_and_lasts(needs: tuple[str, ...]) -> None:
    compiled = _recipe("slow_drip_endless", "openai", *needs, seconds=3)
    drip = compiled.script.operations[1]
    answer = read(compiled)

    assert isinstance(drip, Drip)
    assert len(drip.data) / drip.size * drip.every >= 3
    assert answer.complete
    assert WORDS.tail.encode() in answer.body


def test_a_head_can_come_a_byte_at_a_time() -> None:
    drip, sent = _recipe("slow_headers").script.operations

    assert isinstance(drip, Drip)
    assert (drip.size, drip.every) == (1, 0.3)
    assert 30 < len(drip.data) * drip.every < 60
    assert isinstance(sent, Send)
    assert read(_recipe("slow_headers")).complete


def test_a_redirect_leads_back() -> None:
    answer = read(_recipe("redirect_loop"))

    assert (answer.status, answer.headers["location"]) == (302, "/v1/chat/completions")


def test_an_unknown_recipe_is_an_error() -> None:
    with pytest.raises(WireError, match="'nonsense' is no recipe for an answer; known: bad_chunk"):
        _recipe("nonsense")


@pytest.mark.parametrize("name", ["refused", "missing_key"])
def test_what_is_no_answer_cannot_be_put_on_the_wire(name: str) -> None:
    fault = CATALOGUE.find(name)

    with pytest.raises(WireError, match=f"{name} acts on the {fault.stage}, not on an answer"):
        _known(name)


# The same question gets the same bytes.


def _context() -> Context:
    return golden.context(samples.request("openai", ()))


def test_an_answer_is_one_write() -> None:
    assert [type(each) for each in wire.healthy(_context()).script.operations] == [Send]
    assert [type(each) for each in _stream("truncated").script.operations] == [Send]


def test_another_answer_has_another_id() -> None:
    first, second = (
        read(wire.healthy(replace(_context(), case_number=number))).json["id"] for number in (1, 2)
    )

    assert first != second


def test_a_model_cannot_break_a_header() -> None:
    body = {"model": "a\r\nx-own: 1", "messages": []}
    request = Request("POST", "/v1/chat/completions", (), json.dumps(body).encode())
    form = _form(status=400, headers={"x-model": "{{model}}"})

    assert read(wire.failing(golden.context(request), _fault(), form)).headers["x-model"] == "a??x-own: 1"
