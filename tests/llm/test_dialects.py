"""Healthy answers are what the providers' own SDKs take them to be, in every dialect."""

from __future__ import annotations

import base64
import importlib
import json
import struct
from typing import TYPE_CHECKING, cast

import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from pytest_failhard.llm import samples, wire
from pytest_failhard.llm.content import at, items, text_of
from pytest_failhard.llm.request import Request
from tests.llm import golden
from tests.llm.http_client import Answer, read

if TYPE_CHECKING:
    from anthropic.types import Message

WORDS = samples.CANARIES
CHATS = [dialect for dialect in samples.PLACES if dialect != "openai_embeddings"]


def _asked(target: str, body: dict[str, object]) -> Answer:
    request = Request("POST", target, (), json.dumps(body).encode())
    return read(wire.healthy(golden.context(request)))


def _sample(dialect: str, *needs: str) -> Answer:
    return read(wire.healthy(golden.context(samples.request(dialect, needs))))


def _server_sent(body: bytes) -> list[dict[str, object]]:
    """Return the data of server-sent events, [DONE] left out."""
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def _frames(body: bytes) -> list[tuple[str, dict[str, object]]]:
    """Return the events of a binary stream, as botocore reads them."""
    buffer = importlib.import_module("botocore.eventstream").EventStreamBuffer()  # it has no types
    buffer.add_data(body)
    return [(each.headers[":event-type"], json.loads(each.payload)) for each in buffer]


@pytest.mark.parametrize("dialect", samples.PLACES)
def test_a_healthy_answer_is_complete_http(dialect: str) -> None:
    answer = _sample(dialect)

    assert answer.status == 200
    assert answer.complete
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["date"] == "Thu, 15 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize("dialect", CHATS)
def test_a_healthy_stream_is_complete_http(dialect: str) -> None:
    answer = _sample(dialect, "stream")

    assert answer.complete
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("dialect", CHATS)
def test_every_dialect_says_the_text(dialect: str) -> None:
    assert WORDS.text.encode() in _sample(dialect).body


@pytest.mark.parametrize(
    ("dialect", "header"),
    [
        ("openai", "x-request-id"),
        ("azure", "apim-request-id"),
        ("anthropic", "request-id"),
        ("bedrock", "x-amzn-requestid"),
    ],
)
def test_the_trace_id_is_where_the_provider_puts_it(dialect: str, header: str) -> None:
    assert _sample(dialect).headers[header] == samples.REQUEST_ID


def test_a_chat_completion_is_one_to_the_sdk() -> None:
    completion = ChatCompletion.model_validate(_sample("openai").json, strict=True)

    assert completion.choices[0].message.content == WORDS.text
    assert completion.model == "gpt-4o-mini"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == -(-len(WORDS.text) // 4)


def test_openai_tells_what_is_left_of_its_limits() -> None:
    headers = _sample("openai").headers

    assert headers["x-ratelimit-limit-requests"] == "500"
    assert headers["x-ratelimit-remaining-requests"] == "499"
    assert headers["x-ratelimit-reset-requests"] == "120ms"
    assert headers["openai-version"] == "2020-10-01"


def test_a_forced_call_is_one_to_the_sdk() -> None:
    completion = ChatCompletion.model_validate(_sample("openai", "tools").json, strict=True)
    (call,) = completion.choices[0].message.tool_calls or []

    assert completion.choices[0].finish_reason == "tool_calls"
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"city": WORDS.text}


def test_as_many_choices_come_as_were_asked_for() -> None:
    completion = ChatCompletion.model_validate(_sample("openai", "choices").json, strict=True)

    assert [choice.index for choice in completion.choices] == [0, 1]


def test_chunks_say_the_text_and_how_it_ended() -> None:
    body: dict[str, object] = {"stream": True, "stream_options": {"include_usage": True}}
    answer = _asked("/v1/chat/completions", body)
    *chunks, last = [ChatCompletionChunk.model_validate(each) for each in _server_sent(answer.body)]

    assert "".join(each.choices[0].delta.content or "" for each in chunks) == WORDS.text
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage is not None
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_chunks_say_a_call() -> None:
    chunks = [
        ChatCompletionChunk.model_validate(each)
        for each in _server_sent(_sample("openai", "stream", "tools").body)
    ]
    calls = [call for each in chunks for call in each.choices[0].delta.tool_calls or []]
    arguments = [call.function.arguments or "" for call in calls if call.function]

    assert json.loads("".join(arguments)) == {"city": WORDS.text}
    assert calls[0].id


def test_a_legacy_completion_is_one_to_the_sdk() -> None:
    completion = Completion.model_validate(_asked("/v1/completions", {"model": "m", "prompt": "a"}).json)

    assert completion.choices[0].text == WORDS.text


def test_a_legacy_completion_streams() -> None:
    answer = _asked("/v1/completions", {"prompt": "a", "stream": True})
    texts = [text_of(at(each, "choices", 0, "text")) for each in _server_sent(answer.body)]

    assert "".join(texts) == WORDS.text


def test_a_response_is_one_to_the_sdk() -> None:
    response = Response.model_validate(_sample("openai_responses").json)

    assert response.output_text == WORDS.text
    assert response.status == "completed"
    assert response.usage is not None


def test_a_response_calls_a_function() -> None:
    response = Response.model_validate(_sample("openai_responses", "tools").json)

    assert [item.type for item in response.output] == ["function_call"]


def _response_events(*needs: str) -> list[ResponseStreamEvent]:
    adapter: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
    body = _sample("openai_responses", "stream", *needs).body
    return [adapter.validate_python(each) for each in _server_sent(body)]


def test_a_response_streams_in_the_providers_order() -> None:
    events = _response_events()
    kinds = list(dict.fromkeys(each.type for each in events))

    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [each.sequence_number for each in events] == list(range(len(events)))


def test_a_response_streams_a_call() -> None:
    deltas = [
        each.delta
        for each in _response_events("tools")
        if each.type == "response.function_call_arguments.delta"
    ]

    assert json.loads("".join(deltas)) == {"city": WORDS.text}


def test_embeddings_come_in_the_encoding_that_was_asked_for() -> None:
    body: dict[str, object] = {"model": "m", "input": ["a", "b"], "dimensions": 4}
    numbers = CreateEmbeddingResponse.model_validate(_asked("/v1/embeddings", body).json)
    encoded = _asked("/v1/embeddings", {**body, "encoding_format": "base64"}).json
    texts = [text_of(at(each, "embedding")) for each in items(encoded["data"])]

    assert [each.index for each in numbers.data] == [0, 1]
    assert [[*struct.unpack("<4f", base64.b64decode(each))] for each in texts] == [
        each.embedding for each in numbers.data
    ]


def _message(*needs: str) -> Message:
    # Each worker collects this file, few use it: what this brings takes seconds.
    from anthropic.types import Message

    return Message.model_validate(_sample("anthropic", *needs).json)


def test_a_message_is_one_to_the_sdk() -> None:
    message = _message()

    assert [block.text for block in message.content if block.type == "text"] == [WORDS.text]
    assert message.stop_reason == "end_turn"


def test_a_message_uses_a_tool() -> None:
    message = _message("tools")

    assert [block.input for block in message.content if block.type == "tool_use"] == [{"city": WORDS.text}]
    assert message.stop_reason == "tool_use"


def test_anthropic_tells_what_is_left_of_its_limits() -> None:
    headers = _sample("anthropic").headers

    assert headers["anthropic-ratelimit-requests-remaining"] == "49"
    assert headers["anthropic-ratelimit-tokens-reset"] == "2026-01-15T12:00:01Z"


@pytest.mark.parametrize("needs", [(), ("tools",)])
def test_a_message_streams(needs: tuple[str, ...]) -> None:
    from anthropic.types import RawMessageStreamEvent

    adapter: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
    body = _sample("anthropic", "stream", *needs).body
    events = [adapter.validate_python(each) for each in _server_sent(body)]
    deltas = [each.delta for each in events if each.type == "content_block_delta"]
    texts = [each.text for each in deltas if each.type == "text_delta"]
    parts = [each.partial_json for each in deltas if each.type == "input_json_delta"]

    assert [events[0].type, events[-1].type] == ["message_start", "message_stop"]
    assert "".join(texts) == ("" if needs else WORDS.text)
    assert not needs or json.loads("".join(parts)) == {"city": WORDS.text}


PARTS = ("candidates", 0, "content", "parts", 0)


def test_a_generated_content_has_a_candidate_and_its_usage() -> None:
    answer = _sample("gemini").json

    assert at(answer, *PARTS, "text") == WORDS.text
    assert at(answer, "candidates", 0, "finishReason") == "STOP"
    assert at(answer, "usageMetadata", "candidatesTokenCount") == -(-len(WORDS.text) // 4)
    assert answer["modelVersion"] == "gemini-2.5-flash"


def test_a_generated_content_calls_a_function() -> None:
    assert at(_sample("gemini", "tools").json, *PARTS, "functionCall", "args") == {"city": WORDS.text}


def test_a_generated_content_streams() -> None:
    parts = _server_sent(_sample("gemini", "stream").body)

    assert "".join(text_of(at(each, *PARTS, "text")) for each in parts) == WORDS.text
    assert [at(each, "candidates", 0, "finishReason") for each in parts[-2:]] == [None, "STOP"]
    assert at(parts[-1], "usageMetadata", "totalTokenCount")


def test_a_generated_content_streams_a_call_as_a_whole() -> None:
    parts = _server_sent(_sample("gemini", "stream", "tools").body)
    called = [at(each, *PARTS, "functionCall", "args") for each in parts]

    assert called == [{"city": WORDS.text}, None]


def test_without_events_a_stream_is_one_json_array() -> None:
    answer = _asked("/v1beta/models/g:streamGenerateContent", {})

    assert "".join(text_of(at(each, *PARTS, "text")) for each in json.loads(answer.body)) == WORDS.text


def test_a_conversation_streams_in_frames() -> None:
    events = _frames(_sample("bedrock", "stream").body)
    texts = [text_of(at(data, "delta", "text")) for name, data in events if name == "contentBlockDelta"]

    assert list(dict.fromkeys(name for name, _ in events)) == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert "".join(texts) == WORDS.text


def test_a_conversation_uses_a_tool() -> None:
    tools = [{"toolSpec": {"name": "weather", "inputSchema": {"json": {"properties": {"city": {}}}}}}]
    body: dict[str, object] = {"toolConfig": {"tools": tools, "toolChoice": {"any": {}}}}
    answer = _asked("/model/m/converse", body)
    events = _frames(_asked("/model/m/converse-stream", body).body)
    parts = [text_of(at(data, "delta", "toolUse", "input")) for _, data in events]

    used = at(answer.json, "output", "message", "content", 0, "toolUse", "input")
    assert used == json.loads("".join(parts)) == {"city": WORDS.text}
    assert answer.json["stopReason"] == "tool_use"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("anthropic.claude-3", ("content", 0, "text")),
        ("meta.llama3", ("generation",)),
        ("mistral.mixtral", ("outputs", 0, "text")),
        ("amazon.titan-text-lite", ("results", 0, "outputText")),
        ("amazon.nova-lite", ("output", "message", "content", 0, "text")),
    ],
)
def test_an_invoked_model_answers_as_its_maker_does(model: str, path: tuple[str | int, ...]) -> None:
    assert at(_asked(f"/model/{model}/invoke", {}).json, *path) == WORDS.text


def _unwrapped(model: str) -> list[dict[str, object]]:
    events = _frames(_asked(f"/model/{model}/invoke-with-response-stream", {}).body)
    return [json.loads(base64.b64decode(text_of(data["bytes"]))) for _, data in events]


def test_an_invoked_model_streams_its_makers_events() -> None:
    texts = [text_of(at(each, "delta", "text")) for each in _unwrapped("anthropic.claude-3")]

    assert "".join(texts) == WORDS.text
    assert [each["generation"] for each in _unwrapped("meta.llama3")] == [WORDS.text]


def test_cohere_streams_its_events() -> None:
    events = _server_sent(_sample("cohere", "stream").body)
    texts = [text_of(at(each, "delta", "message", "content", "text")) for each in events]

    assert "".join(texts) == WORDS.text
    assert at(events[-1], "delta", "finish_reason") == "COMPLETE"


def test_cohere_calls_a_tool_at_once_and_in_a_stream() -> None:
    whole = at(_sample("cohere", "tools").json, "message", "tool_calls", 0, "function", "arguments")
    events = _server_sent(_sample("cohere", "stream", "tools").body)
    path = ("delta", "message", "tool_calls", "function", "arguments")

    assert "".join(text_of(at(each, *path)) for each in events) == whole


@pytest.mark.parametrize(
    ("target", "path"), [("/api/chat", ("message", "content")), ("/api/generate", ("response",))]
)
def test_ollama_streams_lines(target: str, path: tuple[str, ...]) -> None:
    answer = _asked(target, {"model": "llama3.2"})
    lines = [cast("dict[str, object]", json.loads(line)) for line in answer.body.decode().splitlines()]

    assert "".join(text_of(at(line, *path)) for line in lines) == WORDS.text
    assert [line["done"] for line in lines] == [*([False] * (len(lines) - 1)), True]
    assert answer.headers["content-type"] == "application/x-ndjson"


def test_ollama_calls_a_tool() -> None:
    called = at(_sample("ollama", "tools").json, "message", "tool_calls", 0, "function", "arguments")

    assert called == {"city": WORDS.text}


@pytest.mark.parametrize(
    ("target", "headers", "path", "value"),
    [
        ("/v1/models", (), ("data", 0, "object"), "model"),
        ("/v1/models/gpt-9", (), ("id",), "gpt-9"),
        ("/v1/models", (("anthropic-version", "1"),), ("data", 0, "type"), "model"),
        ("/v1/models/claude", (("anthropic-version", "1"),), ("display_name",), "claude"),
        ("/v1beta/models?key=k", (), ("models", 0, "name"), "models/gpt-4o-mini"),
        ("/v1beta/models/g?key=k", (), ("name",), "models/g"),
        ("/v1/moderations", (), ("results", 0, "flagged"), False),
    ],
)
def test_what_never_fails_is_answered(
    target: str, headers: tuple[tuple[str, str], ...], path: tuple[str | int, ...], value: object
) -> None:
    answer = read(wire.healthy(golden.context(Request("GET", target, headers))))

    assert answer.status == 200
    assert at(answer.json, *path) == value


@pytest.mark.parametrize("target", ["/v1/files", "/x/model_prices_and_context_window.json"])
def test_what_is_unknown_or_noise_is_not_found(target: str) -> None:
    answer = read(wire.healthy(golden.context(Request("GET", target))))

    assert answer.status == 404
    assert at(answer.json, "error", "message") == f"Invalid URL (GET {target})"
