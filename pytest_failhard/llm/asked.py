"""What a request asks of the model, in one vocabulary for all dialects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_failhard.llm.content import at, items, leaves, text_of
from pytest_failhard.llm.request import Request, Route

DEFAULT_DIMENSIONS = 1536  # text-embedding-3-small and -ada-002


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function that the model may call, with the JSON Schema of its arguments."""

    name: str
    schema: Mapping[str, object] = field(default_factory=dict)


# Where each dialect keeps the schema that the answer must follow; Cohere's `schema` is its older name.
_SCHEMAS: tuple[tuple[str, ...], ...] = (
    ("response_format", "json_schema", "schema"),
    ("response_format", "json_schema"),
    ("response_format", "schema"),
    ("text", "format", "schema"),
    ("generationConfig", "responseSchema"),
    ("generationConfig", "responseJsonSchema"),
    ("output_config", "format", "schema"),
    ("output_format", "schema"),
    ("format",),
)
_JSON_MODES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("response_format", "type"), "json_object"),
    (("text", "format", "type"), "json_object"),
    (("generationConfig", "responseMimeType"), "application/json"),
    (("format",), "json"),
)
_PROMPTS = ("messages", "input", "prompt", "contents", "system", "instructions", "systemInstruction")


def schema(request: Request) -> Mapping[str, object] | None:
    """Return the JSON Schema that the answer must follow, None where none is demanded."""
    found = (at(request.json, *path) for path in _SCHEMAS if path[0] in request.json)
    return next((each for each in found if isinstance(each, dict)), None)


def json_mode(request: Request) -> bool:
    """Whether the answer must be a JSON object of any shape."""
    return any(at(request.json, *path) == value for path, value in _JSON_MODES if path[0] in request.json)


def choices(request: Request) -> int:
    """Return how many answers are wanted."""
    counts = (request.json.get("n"), at(request.json, "generationConfig", "candidateCount"))
    return next((each for each in counts if isinstance(each, int) and each > 1), 1)


def prompt(request: Request) -> tuple[str, ...]:
    """Return the texts of the prompt, or the whole body where no dialect's prompt is in it."""
    values = [request.json[name] for name in _PROMPTS if name in request.json]
    return tuple(leaves(values)) if values else (request.body.decode(errors="replace"),)


def inputs(request: Request) -> tuple[str, ...]:
    """Return the texts to embed; token lists count as texts of their own."""
    wanted = request.json.get("input", request.json.get("inputText", ""))
    if isinstance(wanted, list) and not all(isinstance(each, int) for each in wanted):
        return tuple(_embedded(each) for each in wanted)
    return (_embedded(wanted),)


def _embedded(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def dimensions(request: Request) -> int:
    """Return the length of the vectors wanted."""
    wanted = request.json.get("dimensions")
    return wanted if isinstance(wanted, int) and wanted > 0 else DEFAULT_DIMENSIONS


def tools(request: Request) -> tuple[Tool, ...]:
    """Return the functions on offer, in the request's order."""
    listed = items(request.json.get("tools")) + items(at(request.json, "toolConfig", "tools"))
    declared = [inner for each in listed for inner in _declared(each)]
    return tuple(tool for each in declared if (tool := _tool(each)) is not None)


def _declared(entry: object) -> list[object]:
    """Return the functions in one entry: Gemini lists several, OpenAI and Bedrock wrap one."""
    several = items(at(entry, "functionDeclarations")) or items(at(entry, "function_declarations"))
    return several or [at(entry, "function") or at(entry, "toolSpec") or entry]


def _tool(entry: object) -> Tool | None:
    name = at(entry, "name")
    if not isinstance(name, str):
        return None
    known = (("parameters",), ("parametersJsonSchema",), ("input_schema",), ("inputSchema", "json"))
    found = (at(entry, *path) for path in known)
    return Tool(name=name, schema=next((each for each in found if isinstance(each, dict)), {}))


def forced(request: Request, route: Route) -> Tool | None:
    """Return the function that the answer must call, None where the model is free."""
    offered = tools(request)
    name = _forced_name(request, route)
    if name is None or not offered:
        return None
    return next((each for each in offered if each.name == name), offered[0])


def _forced_name(request: Request, route: Route) -> str | None:
    """Return the forced function's name, empty for any of them, None for no force."""
    if route.dialect == "gemini":
        return _gemini_name(request)
    if route.dialect == "bedrock" and "toolConfig" in request.json:
        return _chosen_name(at(request.json, "toolConfig", "toolChoice"))
    return _chosen_name(request.json.get("tool_choice"))


def _gemini_name(request: Request) -> str | None:
    configured = at(request.json, "toolConfig", "functionCallingConfig")
    if at(configured, "mode") != "ANY":
        return None
    return text_of(at(configured, "allowedFunctionNames", 0))


def _chosen_name(choice: object) -> str | None:
    if choice in ("required", "any", "REQUIRED") or at(choice, "type") == "any":
        return ""
    if not isinstance(choice, dict) or at(choice, "type") in ("auto", "none"):
        return None
    if "any" in choice:
        return ""
    named = (at(choice, "function", "name"), at(choice, "tool", "name"), at(choice, "name"))
    return next((each for each in named if isinstance(each, str)), None)
