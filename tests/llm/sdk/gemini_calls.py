"""Calls of google-genai."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from google import genai
from google.genai import types

from tests.llm.sdk.job import Job, joined, plain, said

PROMPT = "Summarise the report."
MILLISECONDS = 1000
SCHEMA = types.Schema(
    type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}, required=["city"]
)
TOOL = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", parameters=SCHEMA)])],
    tool_config=types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY)
    ),
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
JSON = types.GenerateContentConfig(response_mime_type="application/json", response_schema=SCHEMA)


def _finish(reply: types.GenerateContentResponse) -> str | None:
    reason = reply.candidates[0].finish_reason if reply.candidates else None
    return None if reason is None else reason.value


def answer(job: Job, reply: object) -> str:
    """Summarise what a program that trusts the SDK would hold."""
    if not isinstance(reply, types.GenerateContentResponse):
        return plain(job.words, reply)
    calls = [f"tool {call.name}({job.words.label(str(call.args))})" for call in reply.function_calls or ()]
    finish = _finish(reply)
    return joined(
        {
            "; ".join(calls): bool(calls),
            f"text {said(job.words, reply.text)}"
            if reply.text is None
            else said(job.words, reply.text): not calls,
            f"finish_reason {finish}": finish not in {"STOP", None},
        }
    )


def create(user: genai.Client, job: Job) -> str:
    """Ask for a text."""
    return answer(job, user.models.generate_content(model=job.model, contents=PROMPT))


def tools(user: genai.Client, job: Job) -> str:
    """Demand the call of a tool."""
    return answer(job, user.models.generate_content(model=job.model, contents=PROMPT, config=TOOL))


def json_schema(user: genai.Client, job: Job) -> str:
    """Ask for JSON by a schema; `parsed` is the SDK's reading of it."""
    reply = user.models.generate_content(model=job.model, contents=PROMPT, config=JSON)
    return joined({answer(job, reply): True, "parsed None": reply.parsed is None})


def create_stream(user: genai.Client, job: Job) -> str:
    """Read the chunks of a streamed text."""
    texts: list[str | None] = []
    finish = None
    for chunk in user.models.generate_content_stream(model=job.model, contents=PROMPT):
        texts.append(chunk.text)
        finish = _finish(chunk) or finish
    if not texts:
        return "empty loop"
    told = said(job.words, "".join(text or "" for text in texts)) if any(texts) else "text None"
    return joined({told: True, f"finish_reason {finish}": finish != "STOP"})


CALLS: Mapping[str, Callable[[genai.Client, Job], str]] = {
    "create": create,
    "tools": tools,
    "json": json_schema,
    "create_stream": create_stream,
}


def call(job: Job) -> str:
    """Make the call and close the client, which must be held: one that is collected closes its transport."""
    options = types.HttpOptions(base_url=job.url, timeout=int(job.timeout * MILLISECONDS))
    with genai.Client(api_key=job.key or None, http_options=options) as user:
        return CALLS[job.variant](user, job)
