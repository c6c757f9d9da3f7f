"""The port by which a judge steers a server that runs as a process; the judged system has no key to it."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from pytest_failhard.llm import catalogue, ledger
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.handler import Arrival, Ending, Exchange
from pytest_failhard.llm.injection import parse
from pytest_failhard.llm.operations import Script, Send
from pytest_failhard.llm.request import Request
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.schedule import ScheduleError

if TYPE_CHECKING:
    from pytest_failhard.llm.inquiry import Json
    from pytest_failhard.llm.prices import Prices

TOKEN_BYTES: Final = 24
REASONS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
_CASE_KEYS: Final = frozenset({"id", "rules", "call"})


class ControlError(Exception):
    """A request that cannot be understood; the message says what to send."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer of the control port."""

    status: int
    body: bytes
    media_type: str = JSON

    @property
    def script(self) -> Script:
        """The answer on the wire."""
        head = (
            f"HTTP/1.1 {self.status} {REASONS[self.status]}\r\ncontent-type: {self.media_type}\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        )
        return Script(operations=(Send(data=head.encode() + self.body),))

    def end(self, ending: Ending) -> None:
        """Nothing is kept of it."""


@dataclass(kw_only=True)
class Control:
    """Steers a router, as `handler.Handler` of a port of its own. Every request needs the token as bearer.

    `stop` is called for `POST /stop`, `finished` with the record of each case that another one follows.
    `fault` is the one that is met outside the rules: a trap, or a missing key. `prices` returns the list
    by which the record says what was spent.
    """

    router: Router
    stop: Callable[[], None]
    finished: Callable[[bytes], None]
    fault: str = ""
    prices: Callable[[], Prices] | None = None
    served: int = 0
    token: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES))

    def answer(self, arrival: Arrival) -> Exchange:
        """Do what is asked."""
        request = arrival.request
        shown = (request.header("authorization") or "").encode("latin-1", "replace")
        if not hmac.compare_digest(shown, f"Bearer {self.token}".encode()):
            return _reply(401, {"error": "the control port needs `authorization: Bearer TOKEN`"})
        action = self._actions().get((request.method, request.path))
        if action is None:
            known = ", ".join(f"{method} {path}" for method, path in self._actions())
            return _reply(404, {"error": f"unknown: {request.method} {request.path}; there are {known}"})
        try:
            return action(request)
        except (ScheduleError, ControlError, catalogue.CatalogueError) as error:
            return _reply(400, {"error": str(error)})

    def refuse(self, what: str, detail: str) -> None:
        """Pass over what is no request: it is nobody's evidence."""

    @property
    def requests(self) -> int:
        """How many requests have been answered in all cases."""
        return self.served + len(self.router.ledger.attempts)

    def record(self) -> bytes:
        """Return the record of the case as it stands."""
        return ledger.lines(self.router.ledger, self.prices and self.prices())

    def _actions(self) -> Mapping[tuple[str, str], Callable[[Request], Reply]]:
        return {
            ("POST", "/case"): self._begin,
            ("GET", "/ledger"): self._ledger,
            ("GET", "/verdict"): self._verdict,
            ("POST", "/verdict"): self._verdict,
            ("POST", "/stop"): self._stop,
        }

    def _begin(self, request: Request) -> Reply:
        wanted = _told(request)
        if unknown := sorted(set(wanted) - _CASE_KEYS):
            raise ControlError(f"unknown key {', '.join(unknown)}; there are {', '.join(sorted(_CASE_KEYS))}")
        name, rules = str(wanted.get("id") or ""), str(wanted.get("rules") or "")
        if not name:
            raise ControlError('a case needs an id: {"id": "checkout", "rules": "kinds=rate_limit_rpm"}')
        parsed = parse(rules, catalogue.load()) if rules else ()
        record = self.record()
        self.served = self.requests
        # The keys stay: they are in the environment of a system that may be running.
        canaries = replace(Canaries.draw(name), keys=self.router.canaries.keys)
        self.router.reset(name, parsed, canaries)
        self.router.call = str(wanted.get("call") or "")
        self.finished(record)
        words = {each: getattr(canaries, each) for each in ("head", "middle", "tail", "number", "poison")}
        return _reply(200, {"case": name, "rules": len(parsed), "canary": words})

    def _ledger(self, request: Request) -> Reply:
        del request
        return Reply(status=200, body=self.record(), media_type=LINES)

    def _verdict(self, request: Request) -> Reply:
        # With all the verdicts: a server that nobody asks should not wait for them.
        from pytest_failhard.llm import inquiry

        asked = dict(parse_qsl(urlsplit(request.target).query))
        try:
            inquired = inquiry.parse({**asked, **_told(request)})
            return _reply(200, inquiry.judge(inquired, self.router, self.fault))
        except inquiry.InquiryError as error:
            return _reply(400, {"error": str(error)})

    def _stop(self, request: Request) -> Reply:
        del request
        self.stop()
        return _reply(200, {"stopping": True})


def _told(request: Request) -> dict[str, object]:
    if request.body and not request.json:
        raise ControlError("the body must be a JSON object that says something")
    return request.json


def _reply(status: int, document: Mapping[str, Json]) -> Reply:
    return Reply(status=status, body=json.dumps(document, sort_keys=True).encode() + b"\n")
