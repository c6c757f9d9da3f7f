"""Which provider and which operation a request is for: by the suffix of its path, as base URLs differ."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import unquote

from pytest_failhard.llm import providers
from pytest_failhard.llm.request import Request, Route

CALL = "call"
CATALOGUE = "catalogue"
NOISE = "noise"
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class _Suffix:
    pattern: re.Pattern[str]
    dialect: str
    name: str
    kind: str = CALL
    stream: bool | None = None
    """Whether the path alone says that it streams; None where the body does."""


def _suffix(
    name: str, dialect: str, *, pattern: str = "", kind: str = CALL, stream: bool | None = None
) -> _Suffix:
    return _Suffix(
        pattern=re.compile(f"{pattern or re.escape(name)}/?$"),
        dialect=dialect,
        name=name,
        kind=kind,
        stream=stream,
    )


# The first that matches holds: the longer before what it ends with.
_SUFFIXES = (
    _suffix("/chat/completions", "openai"),
    _suffix("/completions", "openai"),
    _suffix("/responses", "openai_responses"),
    _suffix("/embeddings", "openai_embeddings"),
    _suffix("/moderations", "openai", kind=CATALOGUE),
    _suffix("/messages", "anthropic"),
    _suffix(":generateContent", "gemini", stream=False),
    _suffix(":streamGenerateContent", "gemini", stream=True),
    _suffix("/converse", "bedrock", stream=False),
    _suffix("/converse-stream", "bedrock", stream=True),
    _suffix("/invoke", "bedrock", stream=False),
    _suffix("/invoke-with-response-stream", "bedrock", stream=True),
    _suffix("/v2/chat", "cohere"),
    _suffix("/api/chat", "ollama"),
    _suffix("/api/generate", "ollama"),
    _suffix("/models", "openai", pattern=r"/models(?:/[^:]+)?", kind=CATALOGUE, stream=False),
    # litellm fetches its price list when it is imported.
    _suffix("/model_prices_and_context_window.json", "openai", kind=NOISE, stream=False),
)

# Providers with OpenAI's wire that are told apart by the host that the client meant.
_SHARED = frozenset({"groq", "mistral", "openrouter", "azure"})
_PATHS = (
    (re.compile(r"/openai/deployments/[^/]+/"), "azure"),
    (re.compile(r"^/openai/v1/"), "groq"),
    (re.compile(r"^/api/v1/"), "openrouter"),
)
_MODEL_IN_PATH = (
    re.compile(r"/models/([^/:]+(?:/[^/:]+)*):"),
    re.compile(r"/model/([^/]+)/"),
    re.compile(r"/deployments/([^/]+)/"),
    re.compile(r"/models/([^:]+)$"),
)
_GOOGLE_KEY = "x-goog-api-key"


def route(request: Request) -> Route:
    """Return what a request asks for; what no suffix fits is of the kind `unknown`."""
    found = next((each for each in _SUFFIXES if each.pattern.search(request.path)), None)
    if found is None:
        return Route(dialect="openai", name=request.path, kind=UNKNOWN, model=_model(request))
    return Route(
        dialect=_dialect(request, found),
        name=found.name,
        kind=found.kind,
        model=_model(request),
        stream=_streams(request, found),
    )


def is_azure(request: Request) -> bool:
    """Whether it is for Azure OpenAI, whatever the operation."""
    return _family(request) == "azure"


def _dialect(request: Request, found: _Suffix) -> str:
    if found.kind == CATALOGUE:
        return _catalogue_dialect(request, found)
    return _family(request) if found.name == "/chat/completions" else found.dialect


def _catalogue_dialect(request: Request, found: _Suffix) -> str:
    if request.header("anthropic-version") is not None:
        return "anthropic"
    if request.header(_GOOGLE_KEY) is not None or "key" in request.query:
        return "gemini"
    return found.dialect


def _family(request: Request) -> str:
    path = request.path
    return _of_host(request.origin.split(":")[0].lower()) or next(
        (dialect for pattern, dialect in _PATHS if pattern.search(path)), "openai"
    )


@functools.lru_cache(maxsize=64)
def _of_host(host: str) -> str:
    """Return the dialect that the host alone tells, empty for none: few hosts, many globs."""
    found = providers.load().of_host(host) if host else None
    return found.id if found is not None and found.id in _SHARED else ""


def _model(request: Request) -> str:
    named = request.json.get("model")
    if isinstance(named, str):
        return named
    matches = (pattern.search(request.path) for pattern in _MODEL_IN_PATH)
    return next((unquote(match.group(1)) for match in matches if match), "")


def _streams(request: Request, found: _Suffix) -> bool:
    if found.stream is not None:
        return found.stream
    # Ollama streams unless told otherwise.
    return request.json.get("stream", found.dialect == "ollama") is True
