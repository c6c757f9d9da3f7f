"""Calls of the anthropic SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anthropic
from anthropic.types import Message, MessageParam, ToolParam

from tests.llm.sdk.job import Job, joined, plain, said

MESSAGES: list[MessageParam] = [{"role": "user", "content": "Summarise the report."}]
TOKENS = 256
TOOLS: list[ToolParam] = [
    {
        "name": "weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]


def message(job: Job, reply: object) -> str:
    """Summarise what a program that trusts the SDK would hold."""
    if not isinstance(reply, Message):
        return plain(job.words, reply)
    if not reply.content:
        told = f"content {reply.content}"
    else:
        texts = [block.text for block in reply.content if block.type == "text"]
        inputs = [repr(block.input) for block in reply.content if block.type == "tool_use"]
        told = (
            said(job.words, "".join(texts)) if texts else job.words.label(f"tool input {'; '.join(inputs)}")
        )
    odd = reply.stop_reason not in {"end_turn", "tool_use"}
    return joined({told: True, f"stop_reason {reply.stop_reason}": odd})


def create(user: anthropic.Anthropic, job: Job) -> str:
    """Ask for a text."""
    return message(job, user.messages.create(model=job.model, max_tokens=TOKENS, messages=MESSAGES))


def tools(user: anthropic.Anthropic, job: Job) -> str:
    """Demand the call of a tool."""
    reply = user.messages.create(
        model=job.model, max_tokens=TOKENS, messages=MESSAGES, tools=TOOLS, tool_choice={"type": "any"}
    )
    return message(job, reply)


def _events(job: Job, stream: anthropic.Stream[anthropic.types.RawMessageStreamEvent]) -> str:
    text, partial, stop, seen = "", "", None, 0
    for event in stream:
        seen += 1
        if event.type == "content_block_delta":
            text += event.delta.text if event.delta.type == "text_delta" else ""
            partial += event.delta.partial_json if event.delta.type == "input_json_delta" else ""
        elif event.type == "message_delta":
            stop = event.delta.stop_reason
    if not seen:
        return "empty loop"
    told = job.words.label(f"tool input {partial}") if partial else said(job.words, text)
    return joined({told: True, f"stop_reason {stop}": stop not in {"end_turn", "tool_use"}})


def create_stream(user: anthropic.Anthropic, job: Job) -> str:
    """Read the events of a streamed text."""
    with user.messages.create(model=job.model, max_tokens=TOKENS, messages=MESSAGES, stream=True) as stream:
        return _events(job, stream)


def tools_create_stream(user: anthropic.Anthropic, job: Job) -> str:
    """Read the events of a streamed tool call."""
    stream = user.messages.create(
        model=job.model,
        max_tokens=TOKENS,
        messages=MESSAGES,
        tools=TOOLS,
        tool_choice={"type": "any"},
        stream=True,
    )
    with stream:
        return _events(job, stream)


def stream_helper(user: anthropic.Anthropic, job: Job) -> str:
    """Let the SDK's helper put a streamed text together."""
    with user.messages.stream(model=job.model, max_tokens=TOKENS, messages=MESSAGES) as stream:
        return message(job, stream.get_final_message())


def tools_stream(user: anthropic.Anthropic, job: Job) -> str:
    """Let the SDK's helper put a streamed tool call together."""
    with user.messages.stream(
        model=job.model, max_tokens=TOKENS, messages=MESSAGES, tools=TOOLS, tool_choice={"type": "any"}
    ) as stream:
        return message(job, stream.get_final_message())


CALLS: Mapping[str, Callable[[anthropic.Anthropic, Job], str]] = {
    "create": create,
    "tools": tools,
    "create_stream": create_stream,
    "tools_create_stream": tools_create_stream,
    "stream": stream_helper,
    "tools_stream": tools_stream,
}


def call(job: Job) -> str:
    """Make the call and close the client."""
    with anthropic.Anthropic(api_key=job.key or None, base_url=job.url, timeout=job.timeout) as user:
        return CALLS[job.variant](user, job)
