"""What waits on somebody else, what bounds the wait, and what names a model or its provider."""

from __future__ import annotations

import re

from pytest_failhard.rules.data.values import LOG_CALLS

LONGEST_TIMEOUT_SECONDS = 3600
"""Who waits longer than an hour waits for ever."""
TIMEOUTS = ("timeout", "request_timeout", "timeout_ms", "default_request_timeout", "max_time")
VERBS = frozenset({"get", "options", "head", "post", "put", "patch", "delete", "request"})
REQUESTS = frozenset(f"requests.{verb}" for verb in VERBS)
HTTPX = frozenset(f"httpx.{name}" for name in (*VERBS, "stream", "Client", "AsyncClient"))
"""They wait 5 seconds by themselves: only `timeout=None` is no bound."""
REQUESTS_SESSIONS = frozenset({"requests.Session", "requests.session"})
HTTPX_CLIENTS = frozenset({"httpx.Client", "httpx.AsyncClient"})
CLIENT_METHODS = VERBS | {"stream"}
URLOPEN = "urllib.request.urlopen"
URLOPEN_POSITION = 2
PARTIALS = frozenset({"functools.partial", "functools.partialmethod"})
LLM_CLIENTS = frozenset(
    {"OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI", "Anthropic", "AsyncAnthropic"}
    | {"ChatOpenAI", "AzureChatOpenAI", "ChatAnthropic", "ChatGroq", "Groq", "AsyncGroq", "Mistral"}
)
LLM_PACKAGE = re.compile(r"^(openai|anthropic|langchain\w*|groq|mistralai|langfuse|instructor)(\.|$)")
LLM_CALLS = frozenset(
    {"create", "parse", "stream", "invoke", "ainvoke", "complete", "generate", "with_options"}
)
HTTP_CLIENTS = ("http_client", "http_async_client", "client")
AIOHTTP_SESSION = "aiohttp.ClientSession"
AIOHTTP_CALLS = VERBS | {"ws_connect"}
SOCKETS = {
    "smtplib.SMTP": 3,
    "smtplib.SMTP_SSL": 5,
    "socket.create_connection": 1,
}
"""Constructor -> position of its timeout."""
SOCKET_DEFAULT = "socket.setdefaulttimeout"
SUBPROCESSES = frozenset(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output"))
BOUNDED_AWAITS = frozenset({"wait_for", "timeout", "timeout_at", "fail_after", "move_on_after"})
"""Of asyncio and anyio."""
PACKAGES = (
    *("requests", "httpx", "urllib", "openai", "anthropic", "langchain", "groq", "mistral"),
    *("aiohttp", "smtplib", "socket", "subprocess"),
)
"""One of them stands in every file that calls what is listed here."""

ENDLESS = frozenset({"itertools.count", "itertools.cycle", "itertools.repeat"})
REPEAT = "itertools.repeat"
ITER_SENTINEL_ARGUMENTS = 2
EXITS = frozenset({"exit", "_exit", "abort", "quit", "fail"})
IDLE = LOG_CALLS | {"sleep", "uniform", "random", "getLogger"}
"""Calls that change nothing before the next attempt."""
INPUTS = frozenset({"input", "raw_input", "prompt", "confirm", "getpass", "readline", "get_input", "ask"})
INTERRUPTS = frozenset({"KeyboardInterrupt"})
RETRY_BOUNDS = {
    "tenacity.retry": ("stop",),
    "tenacity.Retrying": ("stop",),
    "tenacity.AsyncRetrying": ("stop",),
    "backoff.on_exception": ("max_tries", "max_time"),
    "backoff.on_predicate": ("max_tries", "max_time"),
}
"""Decorator -> what bounds its attempts."""
RETRY_NAMES = frozenset({"retry", "Retrying", "AsyncRetrying", "on_exception", "on_predicate"})
STOPS_NEVER = frozenset({"tenacity.stop_never", "tenacity.stop.stop_never"})
RETRY_PACKAGES = ("tenacity", "backoff")

CANDIDATES = re.compile(r"(?i)(models?|providers?|llms?|backends?)($|_)")
MODEL_TEXT = re.compile(
    r"(?i)^([\w.-]+/)?(gpt|claude|gemini|llama|mistral|mixtral|deepseek|qwen|sonnet|haiku|opus|command|grok|o)"
    r"([-:_]?\d|-[a-z])"
    r"|^(openai|anthropic|claude|gemini|groq|mistral|ollama|cohere|deepseek|bedrock|vertex\w*)$"
)
VENDORS = re.compile(
    r"(?i)(openai|anthropic|claude|gemini|google|groq|mistral|ollama|cohere|deepseek|bedrock|azure|gpt)"
)
MODEL_KEYS = re.compile(r"(?i)(^|_)(models?|providers?|llm|backend|answered_by|engine)($|_)")
ITERATORS = frozenset(
    {"enumerate", "list", "tuple", "reversed", "sorted", "items", "values", "keys", "iter", "zip"}
)
REDUCE = "functools.reduce"
SELF = frozenset({"self", "cls"})
CARRIERS = frozenset({"create"})
"""Calls whose answer names the model that gave it."""
