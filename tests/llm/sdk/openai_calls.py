"""Calls of the openai SDK, 2 and 3: chat completions, Responses, embeddings, and all of it on Azure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import openai
from openai.types import CreateEmbeddingResponse
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessage,
    ChatCompletionUserMessageParam,
)
from openai.types.chat.chat_completion import Choice
from openai.types.responses import Response
from pydantic import BaseModel

from pytest_failhard.llm.request import ORIGIN_HEADER
from tests.llm.sdk.job import Job, Words, joined, plain, said

DIMENSIONS = 8
INPUTS = ["the first text", "the second text"]
PROMPT = "Summarise the report."
MESSAGES: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": PROMPT}]
PARAMETERS: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS: list[ChatCompletionFunctionToolParam] = [
    {"type": "function", "function": {"name": "weather", "strict": True, "parameters": PARAMETERS}}
]


class Place(BaseModel):
    """What a structured answer must hold."""

    city: str


def client(job: Job) -> openai.OpenAI:
    """Return a client as a project would build it: nothing but the key, the address and a time-out."""
    if job.dialect == "azure":
        return openai.AzureOpenAI(
            api_key=job.key or None, azure_endpoint=job.url, api_version="2024-10-21", timeout=job.timeout
        )
    # The provider is told by its host: what a reroute would say of it.
    origin = {ORIGIN_HEADER: "openrouter.ai"} if job.dialect == "openrouter" else {}
    return openai.OpenAI(
        api_key=job.key or None, base_url=f"{job.url}/v1", timeout=job.timeout, default_headers=origin
    )


def _message(words: Words, message: ChatCompletionMessage) -> str:
    if not message.tool_calls:
        refusal = message.refusal
        return said(words, message.content) if refusal is None else f"refusal {words.label(refusal)}"
    calls = (call for call in message.tool_calls if call.type == "function")
    return "; ".join(
        f"tool {words.label(call.function.name)}({words.label(call.function.arguments)})"
        + ("" if call.id else " without id")
        for call in calls
    )


def _choice(words: Words, choice: Choice) -> str:
    if choice.message is None:
        return "message None"
    usual = choice.finish_reason in {"stop", "tool_calls"}
    return joined({_message(words, choice.message): True, f"finish_reason {choice.finish_reason}": not usual})


def completion(job: Job, reply: object, *, billed: bool = True) -> str:
    """Summarise what a program that trusts the SDK would hold; a stream is not `billed` unless it asks."""
    if not isinstance(reply, ChatCompletion):
        return plain(job.words, reply)
    if not reply.choices:
        return f"choices {reply.choices}"
    choices = " | ".join(_choice(job.words, choice) for choice in reply.choices)
    usage = reply.usage.total_tokens if reply.usage else None
    odd = billed and (not isinstance(usage, int) or usage > 10**5)
    return joined({choices: True, f"model {reply.model}": reply.model != job.model, f"usage {usage!r}": odd})


def _tool_text(chunk: ChatCompletionChunk) -> str:
    calls = chunk.choices[0].delta.tool_calls or []
    return "".join((call.function.arguments or "") for call in calls if call.function)


def chunks(job: Job, stream: Iterable[object]) -> str:
    """Read a stream to its end and summarise it."""
    texts: dict[int | None, str] = {}
    tool = ""
    odd, finish, seen = [], None, False
    for chunk in stream:
        seen = True
        if not isinstance(chunk, ChatCompletionChunk):
            odd.append(plain(job.words, chunk))
        elif chunk.choices:
            choice = chunk.choices[0]
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            tool += _tool_text(chunk)
            finish = choice.finish_reason or finish
    if not seen:
        return "empty loop"
    return _read(job, texts, tool, odd, finish)


def _read(job: Job, texts: Mapping[int | None, str], tool: str, odd: list[str], finish: str | None) -> str:
    text = " | ".join(said(job.words, text) for text in texts.values())
    told = f"tool arguments {job.words.label(tool)}" if tool else text
    usual = finish in {"stop", "tool_calls"}
    return joined(
        {
            told: bool(told),
            f"yields {', '.join(dict.fromkeys(odd))}": bool(odd),
            "index None": None in texts,
            f"finish_reason {finish}": not usual,
        }
    )


def create(user: openai.OpenAI, job: Job) -> str:
    """Ask for a text."""
    return completion(job, user.chat.completions.create(model=job.model, messages=MESSAGES))


def json_schema(user: openai.OpenAI, job: Job) -> str:
    """Ask for JSON by a schema, and take the text."""
    reply = user.chat.completions.create(
        model=job.model,
        messages=MESSAGES,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "place", "strict": True, "schema": PARAMETERS},
        },
    )
    return completion(job, reply)


def parse(user: openai.OpenAI, job: Job) -> str:
    """Ask for JSON by a model class, and let the SDK read it."""
    reply = user.chat.completions.parse(model=job.model, messages=MESSAGES, response_format=Place)
    parsed = reply.choices[0].message.parsed
    return f"parsed {None if parsed is None else job.words.label(parsed.city)}"


def tools(user: openai.OpenAI, job: Job) -> str:
    """Demand the call of a tool."""
    reply = user.chat.completions.create(
        model=job.model, messages=MESSAGES, tools=TOOLS, tool_choice="required"
    )
    return completion(job, reply)


def choices(user: openai.OpenAI, job: Job) -> str:
    """Ask for two answers at once."""
    return completion(job, user.chat.completions.create(model=job.model, messages=MESSAGES, n=2))


def create_stream(user: openai.OpenAI, job: Job) -> str:
    """Read the chunks of a streamed text."""
    with user.chat.completions.create(model=job.model, messages=MESSAGES, stream=True) as stream:
        return chunks(job, stream)


def stream_helper(user: openai.OpenAI, job: Job) -> str:
    """Let the SDK's helper put a streamed text together."""
    with user.chat.completions.stream(model=job.model, messages=MESSAGES) as stream:
        for _ in stream:
            pass
        return completion(job, stream.get_final_completion(), billed=False)


def tools_create_stream(user: openai.OpenAI, job: Job) -> str:
    """Read the chunks of a streamed tool call."""
    stream = user.chat.completions.create(
        model=job.model, messages=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
    )
    with stream:
        return chunks(job, stream)


def tools_stream(user: openai.OpenAI, job: Job) -> str:
    """Let the SDK's helper put a streamed tool call together."""
    with user.chat.completions.stream(
        model=job.model, messages=MESSAGES, tools=TOOLS, tool_choice="required"
    ) as stream:
        for _ in stream:
            pass
        return completion(job, stream.get_final_completion(), billed=False)


def choices_create_stream(user: openai.OpenAI, job: Job) -> str:
    """Read the chunks of two answers."""
    with user.chat.completions.create(model=job.model, messages=MESSAGES, stream=True, n=2) as stream:
        return chunks(job, stream)


def choices_stream(user: openai.OpenAI, job: Job) -> str:
    """Let the SDK's helper put two streamed answers together."""
    with user.chat.completions.stream(model=job.model, messages=MESSAGES, n=2) as stream:
        for _ in stream:
            pass
        return completion(job, stream.get_final_completion(), billed=False)


def response(job: Job, reply: object) -> str:
    """Summarise a response; `output_text` is the SDK's own and may raise."""
    if not isinstance(reply, Response):
        return plain(job.words, reply)
    text = said(job.words, reply.output_text)
    return joined({text: True, f"status {reply.status}": reply.status != "completed"})


def responses_create(user: openai.OpenAI, job: Job) -> str:
    """Ask for a response."""
    return response(job, user.responses.create(model=job.model, input=PROMPT))


def _ending(types: list[str]) -> str:
    ends = [kind for kind in types if kind.split(".")[-1] in {"completed", "failed", "incomplete", "error"}]
    return ends[-1] if ends else "no end"


def responses_create_stream(user: openai.OpenAI, job: Job) -> str:
    """Read the events of a streamed response."""
    text = ""
    types: list[str] = []
    with user.responses.create(model=job.model, input=PROMPT, stream=True) as stream:
        for event in stream:
            types.append(event.type)
            text += event.delta if event.type == "response.output_text.delta" else ""
    end = _ending(types)
    return joined({said(job.words, text): True, end: end != "response.completed"}) if types else "empty loop"


def responses_stream(user: openai.OpenAI, job: Job) -> str:
    """Let the SDK's helper put a streamed response together."""
    with user.responses.stream(model=job.model, input=PROMPT) as stream:
        for _ in stream:
            pass
        return response(job, stream.get_final_response())


def _vector(vector: object) -> str:
    if not isinstance(vector, list) or not vector:
        return repr(vector)
    if any(map(math.isnan, vector)):
        return "nan"
    return f"{len(vector)} zeros" if not any(vector) else str(len(vector))


def embeddings_create(user: openai.OpenAI, job: Job) -> str:
    """Embed two texts."""
    reply: object = user.embeddings.create(model=job.model, input=INPUTS, dimensions=DIMENSIONS)
    if not isinstance(reply, CreateEmbeddingResponse):
        return plain(job.words, reply)
    order = [each.index for each in reply.data]
    sizes = ", ".join(_vector(each.embedding) for each in reply.data)
    return joined({f"vectors of {sizes}": True, f"index {order}": order != sorted(order)})


Call = Callable[[openai.OpenAI, Job], str]
CHAT: Mapping[str, Call] = {
    "create": create,
    "json": json_schema,
    "parse": parse,
    "tools": tools,
    "choices": choices,
    "create_stream": create_stream,
    "stream": stream_helper,
    "tools_create_stream": tools_create_stream,
    "tools_stream": tools_stream,
    "choices_create_stream": choices_create_stream,
    "choices_stream": choices_stream,
}
CALLS: Mapping[str, Mapping[str, Call]] = {
    "openai": CHAT,
    "azure": CHAT,
    "openrouter": CHAT,
    "openai_responses": {
        "create": responses_create,
        "create_stream": responses_create_stream,
        "stream": responses_stream,
    },
    "openai_embeddings": {"create": embeddings_create},
}


def call(job: Job) -> str:
    """Make the call and close the client."""
    with client(job) as user:
        return CALLS[job.dialect][job.variant](user, job)
