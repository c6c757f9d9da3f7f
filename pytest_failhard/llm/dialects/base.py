"""What a dialect is: the shapes in which one provider answers."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pytest_failhard.llm import asked
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import Content, tokens
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.request import Request, Route

CREATED = 1  # a constant time, so that the same question gets the same bytes
Part = Literal["start", "text", "tool", "finish", "usage", "done", "other"]
_PIECES = re.compile(r"\s*\S{1,12}|\s+")


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything that an answer is made of; the same context gives the same bytes.

    `request_id` is the trace id that the answer carries, `case_number` counts the case's answers, `now`
    (with a time zone) is what the answer takes for the time. `reported` is the usage that the answer
    states, None for that of its texts.
    """

    request: Request
    route: Route
    canaries: Canaries
    content: Content
    request_id: str
    case_number: int
    now: datetime
    reported: Usage | None = None

    def identifier(self, prefix: str) -> str:
        """Return an id as the provider makes them: a word of the case and what tells answers apart."""
        unique = hashlib.blake2b(
            f"{prefix}|{self.request_id}|{self.case_number}".encode(), digest_size=8
        ).hexdigest()
        return f"{prefix}{self.canaries.middle}{unique}"

    @property
    def cut(self) -> Context:
        """The same, with content that ends in the middle."""
        return replace(self, content=self.content.cut(self.canaries.middle))

    @property
    def model(self) -> str:
        """The model that was asked."""
        return self.route.model

    @functools.cached_property
    def usage(self) -> Usage:
        """The tokens that the answer reports: those of its texts, by their bytes, unless others are given."""
        if self.reported is not None:
            return self.reported
        return Usage(input=tokens(*asked.prompt(self.request)), output=self.content.tokens)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a stream. `raw` is sent instead of `data` where the event is no JSON (`[DONE]`)."""

    part: Part
    data: Json = None
    name: str = ""
    raw: str = ""


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How events become bytes, and under which media type; `heartbeat` is one that says nothing."""

    media_type: str
    encode: Callable[[Event], bytes]
    heartbeat: bytes = b": keep-alive\n\n"
    opening: bytes = b""
    between: bytes = b""
    closing: bytes = b""

    def chunks(self, events: Sequence[Event]) -> list[bytes]:
        """Return the events one by one, as they stand in the stream, without its closing."""
        marks = [self.opening, *[self.between] * len(events)]
        return [mark + self.encode(event) for mark, event in zip(marks, events, strict=False)]


def _unlimited(_context: Context) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The shapes of one operation of one provider. All are pure functions of the context.

    `events` says a body as a stream, also one that a fault has edited: what is missing from the body is
    missing from the stream. `usage` reads back what a body reports. `limits` are the headers of a healthy
    answer that tell what is left of the rate limits.
    """

    body: Callable[[Context], Json]
    events: Callable[[Context, Json], tuple[Event, ...]]
    headers: Callable[[Context], Mapping[str, str]]
    usage: Callable[[Json], Usage]
    error: Callable[[Context, int, str], Json]
    framing: Callable[[Context], Framing]
    limits: Callable[[Context], Mapping[str, str]] = _unlimited


def pieces(text: str) -> list[str]:
    """Return a text in the pieces in which a model would stream it."""
    return _PIECES.findall(text)


def compact(value: Json) -> str:
    """Return a JSON value as text, as providers write it: no spaces, no escapes but the necessary."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def arguments(text: str) -> Json:
    """Return a tool call's arguments as a value; what is no JSON stays text."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def server_sent(event: Event) -> bytes:
    """Return an event in the form of server-sent events."""
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {event.raw or compact(event.data)}\n\n".encode()


SERVER_SENT = Framing(media_type="text/event-stream; charset=utf-8", encode=server_sent)


def server_sent_framing(_context: Context) -> Framing:
    """Return the framing of the dialects that stream server-sent events."""
    return SERVER_SENT


def count(value: object) -> int:
    """Return a token count as a body reports it; what is no count is 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
