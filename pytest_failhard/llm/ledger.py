"""The record: what a system sent, what it got, and when; one JSON line an attempt."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pytest_failhard.llm.attempt import Attempt, Refusal, Times, Usage
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.grouping import Call, calls
from pytest_failhard.llm.labels import Labels

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from pytest_failhard.llm.prices import Prices

__all__ = (
    "SCHEMA",
    "Attempt",
    "Call",
    "Ledger",
    "LedgerError",
    "Refusal",
    "Times",
    "Usage",
    "calls",
    "lines",
    "read",
)

SCHEMA = "failhard-llm-ledger/1"
DIGITS = 6
"""Microseconds: nothing here is measured more finely."""

Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
Entry = TypeVar("Entry")


class LedgerError(Exception):
    """A record cannot be read: cut, malformed or of another schema."""


class Ledger:
    """The record of one case. Safe to use from several threads.

    Words and keys of `canaries` become labels in every text that is added: none is ever in the record.
    """

    def __init__(self, case: str, canaries: Sequence[Canaries] = ()) -> None:
        self.case = case
        self._labels = Labels(canaries)
        self._attempts: list[Attempt] = []
        self._refusals: list[Refusal] = []
        self._lock = threading.Lock()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts, by number."""
        with self._lock:
            return tuple(sorted(self._attempts, key=lambda attempt: attempt.number))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """All refusals, in the order in which they were made."""
        with self._lock:
            return tuple(self._refusals)

    def add(self, attempt: Attempt) -> None:
        """Add an attempt that has ended."""
        # Only what the client wrote: in a hash, a canary number can stand by chance.
        clean = replace(
            attempt,
            route=self._clean(attempt.route),
            method=self._clean(attempt.method),
            origin=self._clean(attempt.origin),
            model=self._clean(attempt.model),
            key=self._clean(attempt.key),
            user_agent=self._clean(attempt.user_agent),
            read_timeout=attempt.read_timeout and self._clean(attempt.read_timeout),
            sdk_attempt=attempt.sdk_attempt and self._clean(attempt.sdk_attempt),
            invocation=attempt.invocation and self._clean(attempt.invocation),
        )
        with self._lock:
            self._attempts.append(clean)

    def refuse(self, what: str, detail: str) -> None:
        """Add what was no request."""
        refusal = Refusal(what=what, detail=self._clean(detail))
        with self._lock:
            self._refusals.append(refusal)

    def _clean(self, text: str) -> str:
        return self._labels.clean(text)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where an attempt stands among the calls of its case."""

    logical: int
    group: str
    gap: float | None


def lines(ledger: Ledger, prices: Prices | None = None) -> bytes:
    """Return the record as JSON lines: the attempts, the refusals, and a footer with their numbers.

    Times are seconds since the first connection, and stand in `volatile` only, like all else that differs
    from run to run. `cost_usd` is null without prices, and for a model that has none.
    """
    attempts = _shifted(ledger.attempts)
    places = dict(_places(attempts))
    documents = [_document(each, places.get(each.number), prices) for each in attempts]
    refused: list[Mapping[str, Json]] = [
        {"case": ledger.case, "refused": each.what, "detail": each.detail} for each in ledger.refusals
    ]
    footer: Mapping[str, Json] = {
        "schema": SCHEMA,
        "case": ledger.case,
        "attempts": len(documents),
        "refusals": len(refused),
    }
    return b"".join(_line(document) for document in (*documents, *refused, footer))


def read(data: bytes) -> Ledger:
    """Return the record in a file. Raises LedgerError for one that is cut, malformed or of another schema."""
    from pydantic import TypeAdapter

    *entries, end = data.split(b"\n")
    if end or not entries:
        raise LedgerError("the record is cut: its last line has no end; make it again")
    count = len(entries) - 1
    footer = _parsed(TypeAdapter(_Footer), entries[-1], count + 1)
    if footer.schema != SCHEMA:
        raise LedgerError(f"the record has the schema {footer.schema!r}, not {SCHEMA!r}; make it again")
    if footer.attempts + footer.refusals != count:
        expected = f"{footer.attempts} attempts and {footer.refusals} refusals"
        raise LedgerError(f"the record is cut: {count} lines for {expected}; make it again")
    ledger = Ledger(footer.case)
    attempts, refusals = TypeAdapter(_Line), TypeAdapter(_Refused)
    for number, entry in enumerate(entries[:-1], start=1):
        if number <= footer.attempts:
            ledger.add(_attempt(_parsed(attempts, entry, number)))
        else:
            refusal = _parsed(refusals, entry, number)
            ledger.refuse(refusal.refused, refusal.detail)
    return ledger


def _parsed(adapter: TypeAdapter[Entry], entry: bytes, number: int) -> Entry:
    from pydantic import ValidationError

    try:
        return adapter.validate_json(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the line"
        raise LedgerError(f"the record is malformed at line {number}: {place}: {first['msg']}") from None


def _shifted(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Return the attempts with times since the first connection, as they are written."""
    start = attempts[0].times.accepted if attempts else 0.0

    def since(moment: float) -> float:
        return round(moment - start, DIGITS)

    def perhaps(moment: float | None) -> float | None:
        return None if moment is None else since(moment)

    return tuple(
        replace(
            attempt,
            times=Times(
                accepted=since(attempt.times.accepted),
                headers=since(attempt.times.headers),
                body=since(attempt.times.body),
                first_byte=perhaps(attempt.times.first_byte),
                ended=since(attempt.times.ended),
                peer_closed=perhaps(attempt.times.peer_closed),
            ),
        )
        for attempt in attempts
    )


def _places(attempts: Sequence[Attempt]) -> Iterator[tuple[int, _Place]]:
    for logical, call in enumerate(calls(attempts), start=1):
        gaps: tuple[float | None, ...] = (None, *call.gaps)
        groups = (number for number, group in enumerate(call.groups, start=1) for _ in group)
        for attempt, group, gap in zip(call.attempts, groups, gaps, strict=True):
            yield attempt.number, _Place(logical=logical, group=f"{logical}.{group}", gap=gap)


def _line(document: Mapping[str, Json]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _document(attempt: Attempt, place: _Place | None, prices: Prices | None) -> Mapping[str, Json]:
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
class _Footer:
    """The last line."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    schema: str
    case: str
    attempts: int
    refusals: int


@dataclass(frozen=True, kw_only=True)
class _Refused:
    """The line of a refusal."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    case: str
    refused: str
    detail: str


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
class _Line:
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


def _attempt(line: _Line) -> Attempt:
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
