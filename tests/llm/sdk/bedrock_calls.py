"""Calls of boto3's bedrock-runtime. boto3 carries no types: what it returns is narrowed here."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, cast

from tests.llm.sdk.job import Job, joined, said

Reply = Mapping[str, object]
MESSAGES = [{"role": "user", "content": [{"text": "Summarise the report."}]}]
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "weather",
                "inputSchema": {
                    "json": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}},
                        "required": ["city"],
                    }
                },
            }
        }
    ],
    "toolChoice": {"any": {}},
}


class Body(Protocol):
    """What `invoke_model` returns as its body."""

    def read(self) -> bytes:
        """Return all of it."""


class Events(Protocol):
    """What `converse_stream` returns as its stream."""

    def __iter__(self) -> Iterator[object]:
        """Yield the events."""

    def close(self) -> None:
        """Close the connection."""


class Runtime(Protocol):
    """The part of the client that is used here."""

    def converse(self, **arguments: object) -> Reply:
        """Ask for an answer."""

    def converse_stream(self, **arguments: object) -> Reply:
        """Ask for an answer in events."""

    def invoke_model(self, **arguments: object) -> Mapping[str, Body]:
        """Send a body of the model's own kind."""

    def close(self) -> None:
        """Close the connections."""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Mapping[str, object]]:
    return [_mapping(each) for each in value] if isinstance(value, list) else []


def answer(job: Job, reply: Reply) -> str:
    """Summarise what a program that trusts the SDK would hold."""
    if "output" not in reply:
        return f"dict of {', '.join(sorted(reply))}"
    message = _mapping(_mapping(reply["output"]).get("message"))
    content = _items(message.get("content"))
    texts = [said(job.words, block["text"]) for block in content if "text" in block]
    inputs = [
        f"tool input {_mapping(block['toolUse']).get('input')}" for block in content if "toolUse" in block
    ]
    told = job.words.label("; ".join([*texts, *inputs])) or f"content {message.get('content')}"
    stop = reply.get("stopReason")
    return joined({told: True, f"stopReason {stop}": stop not in {"end_turn", "tool_use"}})


def create(user: Runtime, job: Job) -> str:
    """Ask for a text."""
    return answer(job, user.converse(modelId=job.model, messages=MESSAGES))


def tools(user: Runtime, job: Job) -> str:
    """Demand the call of a tool."""
    return answer(job, user.converse(modelId=job.model, messages=MESSAGES, toolConfig=TOOLS))


def invoke(user: Runtime, job: Job) -> str:
    """Send a body of Anthropic's kind and take the bytes."""
    body = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}'
    return "bytes" if user.invoke_model(modelId=job.model, body=body)["body"].read() else "no bytes"


def _delta(event: Mapping[str, object]) -> Mapping[str, object]:
    return _mapping(_mapping(event.get("contentBlockDelta")).get("delta"))


def _events(job: Job, events: Iterable[object]) -> str:
    text, partial, stop, seen = "", "", None, 0
    for event in map(_mapping, events):
        seen += 1
        text += str(_delta(event).get("text", ""))
        partial += str(_mapping(_delta(event).get("toolUse")).get("input", ""))
        stop = _mapping(event.get("messageStop")).get("stopReason", stop)
    if not seen:
        return "empty loop"
    told = job.words.label(f"tool input {partial}") if partial else said(job.words, text)
    return joined({told: True, f"stopReason {stop}": stop not in {"end_turn", "tool_use"}})


def _stream(job: Job, reply: Reply) -> str:
    with contextlib.closing(cast("Events", reply["stream"])) as events:
        return _events(job, events)


def create_stream(user: Runtime, job: Job) -> str:
    """Read the events of a streamed text."""
    return _stream(job, user.converse_stream(modelId=job.model, messages=MESSAGES))


def tools_create_stream(user: Runtime, job: Job) -> str:
    """Read the events of a streamed tool call."""
    return _stream(job, user.converse_stream(modelId=job.model, messages=MESSAGES, toolConfig=TOOLS))


CALLS: Mapping[str, Callable[[Runtime, Job], str]] = {
    "create": create,
    "tools": tools,
    "invoke": invoke,
    "create_stream": create_stream,
    "tools_create_stream": tools_create_stream,
}


def client(job: Job) -> Runtime:
    """Return a client with a time-out and nothing else set."""
    config = importlib.import_module("botocore.config").Config(
        read_timeout=job.timeout, connect_timeout=job.timeout
    )
    made: Runtime = importlib.import_module("boto3").client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=job.url,
        aws_access_key_id=job.key or None,
        aws_secret_access_key=job.secret or None,
        config=config,
    )
    return made


def call(job: Job) -> str:
    """Make the call and close the client."""
    user = client(job)
    try:
        return CALLS[job.variant](user, job)
    finally:
        user.close()
