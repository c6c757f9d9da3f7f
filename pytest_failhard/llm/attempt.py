"""What one request was, what it got, and when: a line of the record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens that the answer reported: what the provider would bill."""

    input: int = 0
    cached: int = 0
    output: int = 0


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds of `time.monotonic()`; None for what did not happen. Never part of anything canonical."""

    accepted: float
    headers: float
    body: float
    first_byte: float | None
    ended: float
    peer_closed: float | None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request that reached the server and what it got.

    `kind` is the route's (`call`, `catalogue`, `noise`, `unknown`), or `redirect` for a hop to where an
    earlier answer of ours sent the client. `key` is the label of the canary key
    that was presented (`key[OPENAI_API_KEY]`), `foreign` for another one, empty for none; a foreign key
    itself is kept nowhere but as SHA-256. `rule` and `fault` are empty for a healthy answer. `occurrence`
    counts from 1 how often this body was seen on this route. `close` is as in `handler.Ending`, or `open`
    where the answer was not over when the record was read. `retry_count`, `read_timeout` and
    `sdk_attempt` are what the SDK says of itself in headers, None where it says nothing.
    """

    case: str
    number: int
    layer: str
    dialect: str
    route: str
    kind: str
    method: str
    origin: str
    model: str
    stream: bool
    body_sha256: str
    body_without_model_sha256: str
    occurrence: int
    key: str
    foreign_key_sha256: str
    user_agent: str
    retry_count: int | None
    read_timeout: str | None
    sdk_attempt: str | None
    invocation: str | None
    rule: str
    fault: str
    status: int
    hint_seconds: float | None
    """The wait that the answer asks for, None where it asks for none."""
    request_id: str
    bytes_sent: int
    close: str
    usage: Usage
    connection: int
    times: Times


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What reached the server and was no request; `what` as in `handler.Handler.refuse`."""

    what: str
    detail: str
