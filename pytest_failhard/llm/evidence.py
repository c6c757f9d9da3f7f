"""One line of the record: an attempt as a JSON document, and back; what differs from run to run apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_failhard.llm.attempt import Attempt, Times, Usage
from pytest_failhard.llm.grouping import calls

if TYPE_CHECKING:
    from pytest_failhard.llm.prices import Prices

Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

DIGITS = 6
"""Microseconds: nothing here is measured more finely."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an attempt stands among the calls of its case."""

    logical: int
    group: str
    gap: float | None


def places(attempts: Sequence[Attempt]) -> Iterator[tuple[int, Place]]:
    """Return the place of each attempt of a call, by its number."""
    for logical, call in enumerate(calls(attempts), start=1):
        gaps: tuple[float | None, ...] = (None, *call.gaps)
        groups = (number for number, group in enumerate(call.groups, start=1) for _ in group)
        for attempt, group, gap in zip(call.attempts, groups, gaps, strict=True):
            yield attempt.number, Place(logical=logical, group=f"{logical}.{group}", gap=gap)


def document(attempt: Attempt, place: Place | None, prices: Prices | None) -> Mapping[str, Json]:
    """Return the line of an attempt; `cost_usd` is null without prices, and for a model that has none."""
    return {
        "case": attempt.case,
        "attempt": attempt.number,
        "logical": place.logical if place else None,
        "group": place.group if place else None,
        "layer": attempt.layer,
        "dialect": attempt.dialect,
        "route": attempt.route,
        "kind": attempt.kind,
        "method": attempt.method,
        "origin": attempt.origin,
        "model": attempt.model,
        "stream": attempt.stream,
        "body_sha256": attempt.body_sha256,
        "body_without_model_sha256": attempt.body_without_model_sha256,
        "occurrence": attempt.occurrence,
        "key": attempt.key,
        "key_is_canary": attempt.key.startswith("key["),
        "user_agent": attempt.user_agent,
        "retry_count": attempt.retry_count,
        "read_timeout": attempt.read_timeout,
        "sdk_attempt": attempt.sdk_attempt,
        "rule": attempt.rule,
        "fault": attempt.fault,
        "status": attempt.status,
        "hint_seconds": attempt.hint_seconds,
        "request_id": attempt.request_id,
        "bytes_sent": attempt.bytes_sent,
        "close": attempt.close,
        "usage": {
            "input": attempt.usage.input,
            "cached": attempt.usage.cached,
            "output": attempt.usage.output,
        },
        "cost_usd": _cost(attempt, prices),
        "volatile": _volatile(attempt, place.gap if place else None),
    }


def _cost(attempt: Attempt, prices: Prices | None) -> str | None:
    if prices is None or prices.find(attempt.dialect, attempt.model) is None:
        return None
    cost = prices.cost(attempt)
    return format(cost.normalize(), "f") if cost else "0"


def _volatile(attempt: Attempt, gap: float | None) -> Json:
    return {
        "connection": attempt.connection,
        "invocation": attempt.invocation,
        "t_accept": attempt.times.accepted,
        "t_headers": attempt.times.headers,
        "t_body": attempt.times.body,
        "t_first_byte": attempt.times.first_byte,
        "t_end": attempt.times.ended,
        "t_peer_close": attempt.times.peer_closed,
        "gap": None if gap is None else round(gap, DIGITS),
        "foreign_key_sha256": attempt.foreign_key_sha256 or None,
    }


@dataclass(frozen=True, kw_only=True)
class _Volatile:
    """The part of a line that differs from run to run."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    connection: int
    invocation: str | None
    t_accept: float
    t_headers: float
    t_body: float
    t_first_byte: float | None
    t_end: float
    t_peer_close: float | None
    gap: float | None
    foreign_key_sha256: str | None


@dataclass(frozen=True, kw_only=True)
class Line:
    """The line of an attempt."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    case: str
    attempt: int
    logical: int | None
    group: str | None
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
    key_is_canary: bool
    user_agent: str
    retry_count: int | None
    read_timeout: str | None
    sdk_attempt: str | None
    rule: str
    fault: str
    status: int
    hint_seconds: float | None
    request_id: str
    bytes_sent: int
    close: str
    usage: Usage
    cost_usd: str | None
    volatile: _Volatile


def attempt_of(line: Line) -> Attempt:
    """Return the attempt of a line."""
    volatile = line.volatile
    return Attempt(
        case=line.case,
        number=line.attempt,
        layer=line.layer,
        dialect=line.dialect,
        route=line.route,
        kind=line.kind,
        method=line.method,
        origin=line.origin,
        model=line.model,
        stream=line.stream,
        body_sha256=line.body_sha256,
        body_without_model_sha256=line.body_without_model_sha256,
        occurrence=line.occurrence,
        key=line.key,
        foreign_key_sha256=volatile.foreign_key_sha256 or "",
        user_agent=line.user_agent,
        retry_count=line.retry_count,
        read_timeout=line.read_timeout,
        sdk_attempt=line.sdk_attempt,
        invocation=volatile.invocation,
        rule=line.rule,
        fault=line.fault,
        status=line.status,
        hint_seconds=line.hint_seconds,
        request_id=line.request_id,
        bytes_sent=line.bytes_sent,
        close=line.close,
        usage=line.usage,
        connection=volatile.connection,
        times=Times(
            accepted=volatile.t_accept,
            headers=volatile.t_headers,
            body=volatile.t_body,
            first_byte=volatile.t_first_byte,
            ended=volatile.t_end,
            peer_closed=volatile.t_peer_close,
        ),
    )
