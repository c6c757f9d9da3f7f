"""Calls of clients that stand on an SDK of their own or of others: litellm, langchain-openai, mistralai."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType, TracebackType
from typing import Protocol, Self

from tests.llm.sdk.job import Job, plain, said

PROMPT = "Summarise the report."
MESSAGES = [{"role": "user", "content": PROMPT}]
MILLISECONDS = 1000


class Text(Protocol):
    """A message."""

    @property
    def content(self) -> object:
        """Its text."""


class Choice(Protocol):
    """One answer, whole or a piece of it."""

    @property
    def message(self) -> Text:
        """The whole."""

    @property
    def delta(self) -> Text:
        """The piece."""


class Reply(Protocol):
    """What the OpenAI wire gives, in whatever class."""

    @property
    def choices(self) -> list[Choice] | None:
        """The answers."""


class Chat(Protocol):
    """The part of mistralai that is used here."""

    def complete(self, **arguments: object) -> Reply:
        """Ask for a text."""


class Mistral(Protocol):
    """The client of mistralai."""

    @property
    def chat(self) -> Chat:
        """Its chat calls."""

    def __enter__(self) -> Self:
        """Open it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""


class Model(Protocol):
    """The part of a langchain model that is used here."""

    def invoke(self, prompt: str) -> Text:
        """Ask for a text."""

    def stream(self, prompt: str) -> Iterable[Text]:
        """Ask for it in pieces."""


def _first(job: Job, reply: Reply) -> str:
    if not isinstance(reply, str) and reply.choices:
        return said(job.words, reply.choices[0].message.content)
    return plain(job.words, reply) if isinstance(reply, str) else f"choices {reply.choices}"


def _litellm(job: Job) -> tuple[ModuleType, Mapping[str, object]]:
    arguments: dict[str, object] = {
        "model": f"openai/{job.model}",
        "messages": MESSAGES,
        "api_base": f"{job.url}/v1",
        "api_key": job.key or None,
        "timeout": job.timeout,
    }
    return importlib.import_module("litellm"), arguments


def litellm_create(job: Job) -> str:
    """Ask litellm for a text."""
    litellm, arguments = _litellm(job)
    return _first(job, litellm.completion(**arguments))


def litellm_stream(job: Job) -> str:
    """Read litellm's chunks of a streamed text."""
    litellm, arguments = _litellm(job)
    pieces = [
        str(chunk.choices[0].delta.content or "") for chunk in litellm.completion(**arguments, stream=True)
    ]
    return said(job.words, "".join(pieces)) if pieces else "empty loop"


def _langchain(job: Job) -> Model:
    model: Model = importlib.import_module("langchain_openai").ChatOpenAI(
        model=job.model, api_key=job.key or None, base_url=f"{job.url}/v1", timeout=job.timeout
    )
    return model


def langchain_create(job: Job) -> str:
    """Ask a langchain model for a text."""
    return said(job.words, _langchain(job).invoke(PROMPT).content)


def langchain_stream(job: Job) -> str:
    """Read a langchain model's pieces of a streamed text."""
    pieces = [str(chunk.content) for chunk in _langchain(job).stream(PROMPT)]
    return said(job.words, "".join(pieces)) if pieces else "empty loop"


def mistral_create(job: Job) -> str:
    """Ask mistralai for a text."""
    made: Mistral = importlib.import_module("mistralai.client").Mistral(
        api_key=job.key or None, server_url=job.url, timeout_ms=int(job.timeout * MILLISECONDS)
    )
    with made as user:
        return _first(job, user.chat.complete(model=job.model, messages=MESSAGES))


CALLS: Mapping[tuple[str, str], Callable[[Job], str]] = {
    ("litellm", "create"): litellm_create,
    ("litellm", "create_stream"): litellm_stream,
    ("langchain-openai", "create"): langchain_create,
    ("langchain-openai", "create_stream"): langchain_stream,
    ("mistralai", "create"): mistral_create,
}


def call(job: Job) -> str:
    """Make the call."""
    return CALLS[job.sdk, job.variant](job)
