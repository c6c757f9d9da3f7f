"""The record: what a system sent, what it got, and when; one JSON line an attempt."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pytest_failhard.llm.attempt import Attempt, Refusal, Times, Usage
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.evidence import DIGITS, Json, Line, attempt_of, document, places
from pytest_failhard.llm.grouping import Call, calls
from pytest_failhard.llm.labels import Labels

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from pytest_failhard.llm.prices import Prices

__all__ = (
    "OPEN",
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
OPEN = "open"
"""The close of an answer that is still under way."""
SETTLE_SECONDS = 1.0
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
        self._open: dict[int, Callable[[], Attempt]] = {}
        self._awaited: frozenset[int] = frozenset()
        self._refusals: list[Refusal] = []
        self._changed = threading.Condition()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts, by number.

        A client has its answer a moment before the server knows: this waits up to a second for answers
        under way, once. One that then is not over has the close `open` and ends now.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._open.keys() - self._awaited, SETTLE_SECONDS)
            self._awaited = frozenset(self._open)
            now = time.monotonic()
            begun = [self._cleaned(attempt()) for attempt in self._open.values()]
            under_way = [replace(each, times=replace(each.times, ended=now)) for each in begun]
            return tuple(sorted((*self._attempts, *under_way), key=lambda attempt: attempt.number))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """All refusals, in the order in which they were made."""
        with self._changed:
            return tuple(self._refusals)

    def begin(self, number: int, attempt: Callable[[], Attempt]) -> None:
        """Take note of an attempt whose answer is under way; `add` completes it.

        What it is so far is only asked for where it is needed: nothing should keep an answer waiting.
        """
        with self._changed:
            self._open[number] = attempt

    def add(self, attempt: Attempt) -> None:
        """Add an attempt that has ended."""
        clean = self._cleaned(attempt)
        with self._changed:
            self._open.pop(attempt.number, None)
            self._attempts.append(clean)
            self._changed.notify_all()

    def refuse(self, what: str, detail: str) -> None:
        """Add what was no request."""
        refusal = Refusal(what=what, detail=self._clean(detail))
        with self._changed:
            self._refusals.append(refusal)

    def _cleaned(self, attempt: Attempt) -> Attempt:
        # Only what the client wrote: in a hash, a canary number can stand by chance.
        written = (
            *(attempt.route, attempt.method, attempt.origin, attempt.model, attempt.key, attempt.user_agent),
            *(attempt.read_timeout, attempt.sdk_attempt, attempt.invocation),
        )
        whole = "\n".join(filter(None, written))
        if self._clean(whole) == whole:
            return attempt
        return replace(
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

    def _clean(self, text: str) -> str:
        return self._labels.clean(text)


def lines(ledger: Ledger, prices: Prices | None = None) -> bytes:
    """Return the record as JSON lines: the attempts, the refusals, and a footer with their numbers.

    Times are seconds since the first connection, and stand in `volatile` only, like all else that differs
    from run to run. `cost_usd` is null without prices, and for a model that has none.
    """
    attempts = _shifted(ledger.attempts)
    where = dict(places(attempts))
    documents = [document(each, where.get(each.number), prices) for each in attempts]
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
    *entries, end = data.split(b"\n")
    if end or not entries:
        raise LedgerError("the record is cut: its last line has no end; make it again")
    count = len(entries) - 1
    footers, attempts, refusals = _adapters()
    footer = _parsed(footers, entries[-1], count + 1)
    if footer.schema != SCHEMA:
        raise LedgerError(f"the record has the schema {footer.schema!r}, not {SCHEMA!r}; make it again")
    if footer.attempts + footer.refusals != count:
        expected = f"{footer.attempts} attempts and {footer.refusals} refusals"
        raise LedgerError(f"the record is cut: {count} lines for {expected}; make it again")
    ledger = Ledger(footer.case)
    for number, entry in enumerate(entries[:-1], start=1):
        if number <= footer.attempts:
            ledger.add(attempt_of(_parsed(attempts, entry, number)))
        else:
            refusal = _parsed(refusals, entry, number)
            ledger.refuse(refusal.refused, refusal.detail)
    return ledger


@functools.cache
def _adapters() -> tuple[TypeAdapter[_Footer], TypeAdapter[Line], TypeAdapter[_Refused]]:
    from pydantic import TypeAdapter

    return TypeAdapter(_Footer), TypeAdapter(Line), TypeAdapter(_Refused)


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


def _line(document: Mapping[str, Json]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


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
