"""What a healthy provider answers: content that follows the request and carries the case's canaries."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence

from pytest_failhard.llm import asked
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.content import Content, ToolCall
from pytest_failhard.llm.request import Request, Route
from pytest_failhard.llm.routing import is_azure
from pytest_failhard.llm.schema import SchemaError, instance
from pytest_failhard.llm.scripted import Answers, AnswersError

__all__ = ["Answers", "AnswersError", "Content", "ToolCall", "called", "features", "healthy"]


def features(request: Request, route: Route) -> frozenset[str]:
    """Return what the request makes use of, in the words of a fault's `needs`."""
    uses = {
        "json": asked.json_mode(request) or asked.schema(request) is not None,
        "tools": bool(asked.tools(request)),
        "stream": route.stream,
        "embeddings": route.name == "/embeddings",
        "responses": route.name == "/responses",
        "azure": is_azure(request),
        "choices": asked.choices(request) > 1,
    }
    return frozenset(name for name, used in uses.items() if used)


def healthy(request: Request, route: Route, canaries: Canaries, scripted: Answers | None) -> Content:
    """Return the content of a healthy answer.

    In this order: vectors where embeddings are asked for, the scripted answer that matches, a call of the
    forced tool, an instance of the demanded schema, a JSON object, a sentence. Raises AnswersError for a
    schema of which no instance can be made.
    """
    if route.name == "/embeddings":
        return Content(vectors=_vectors(asked.inputs(request), asked.dimensions(request)))
    found = scripted.content(request, route, canaries) if scripted else None
    if found is not None:
        return found
    tool = asked.forced(request, route)
    if tool is not None:
        return called(tool, request, canaries)
    return Content(text=_text(request, canaries))


def called(tool: asked.Tool, request: Request, canaries: Canaries) -> Content:
    """Return a call of a tool with the least arguments that its schema allows. Raises AnswersError."""
    arguments = _instance(tool.schema, canaries)
    call = ToolCall(id=f"call_{_hex(request.body, 24)}", name=tool.name, arguments=arguments)
    return Content(tool_calls=(call,), finish="tool_calls")


def _text(request: Request, canaries: Canaries) -> str:
    demanded = asked.schema(request)
    if demanded is not None:
        return _instance(demanded, canaries)
    if asked.json_mode(request):
        return json.dumps({"answer": canaries.text, "number": canaries.number})
    return canaries.text


def _instance(schema: Mapping[str, object], canaries: Canaries) -> str:
    try:
        return json.dumps(instance(schema, canaries), ensure_ascii=False)
    except SchemaError as error:
        raise AnswersError(f"no answer fits the JSON Schema of the request: {error}") from error


def _hex(data: bytes, digits: int) -> str:
    return hashlib.blake2b(data, digest_size=digits // 2).hexdigest()


def _vectors(texts: Sequence[str], dimensions: int) -> tuple[tuple[float, ...], ...]:
    return tuple(_vector(text, dimensions) for text in texts)


def _vector(text: str, dimensions: int) -> tuple[float, ...]:
    """Return a vector of length 1 that is always the same for a text."""
    stream = hashlib.shake_256(text.encode()).digest(4 * dimensions)
    raw = [(value / 2**31) - 1 for value in struct.unpack(f"<{dimensions}I", stream)]
    length = math.sqrt(sum(value * value for value in raw)) or 1.0
    # As float32, so that base64 and JSON numbers say the same.
    return struct.unpack(f"<{dimensions}f", struct.pack(f"<{dimensions}f", *(v / length for v in raw)))
