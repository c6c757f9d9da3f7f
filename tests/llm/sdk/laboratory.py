"""Lets SDKs meet faults over real sockets, and notes what both sides saw."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from time import monotonic

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import Observed
from pytest_failhard.llm.ledger import Ledger
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.schedule import Kind, Rule
from pytest_failhard.llm.server import Listener, Server
from pytest_failhard.llm.server.certificates import OTHER_HOST, Authority
from tests.llm.sdk.clients import Clients
from tests.llm.sdk.job import Job, Outcome, Words
from tests.llm.sdk.matrix import READS, SLEEPS, Case

LOOPBACK = "127.0.0.1"
SHORT_SECONDS = 0.5
LONG_SECONDS = 10.0
WATCHED_SECONDS = 3.2
"""How long a call is watched that never ends: longer than two of its time-outs, or than any back-off."""
LIMIT_SECONDS = 60.0

SLOW = frozenset(
    {
        "slow_drip",
        "slow_drip_endless",
        "slow_headers",
        "stream_keepalive",
        "stream_keepalive_forever",
        "stream_stall",
    }
)
SLOW_SECONDS = 1.5
"""The time-out of calls whose first bytes must be in time, however busy the machine; each byte restarts it."""
TOLD = frozenset({"retry_after_huge", "retry_after_hour", "retry_after_day"})
"""Deadlines that come from a hint, not from a wait for bytes."""
ENDLESS = frozenset({"slow_drip_endless", "slow_headers", "stream_keepalive_forever"})
HINTS = frozenset({"insufficient_quota", "request_over_tpm", "rate_limit_no_header", "spend_limit"})
"""Faults without a hint, after which SDKs wait as they see fit."""

KEYS: Mapping[str, str] = {
    "openai": "OPENAI_API_KEY",
    "openai_responses": "OPENAI_API_KEY",
    "openai_embeddings": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "bedrock": "AWS_ACCESS_KEY_ID",
    "mistral": "MISTRAL_API_KEY",
}
MODELS: Mapping[str, str] = {
    "openai": "gpt-4o-mini",
    "openai_responses": "gpt-4o-mini",
    "openai_embeddings": "text-embedding-3-small",
    "azure": "gpt-4o-mini",
    "openrouter": "openai/gpt-4o-mini",
    "anthropic": "claude-sonnet-latest",
    "gemini": "gemini-2.5-flash",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "mistral-small-latest",
}


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """What came of a call (None: it did not end), and the server's record of it."""

    outcome: Outcome | None
    ledger: Ledger
    endless: str

    @property
    def observed(self) -> Observed:
        """Return it as the catalogue notes it."""
        attempts = sum(attempt.kind == "call" for attempt in self.ledger.attempts)
        if self.outcome is None:
            return Observed(attempts=attempts, result=self.endless)
        return Observed(attempts=attempts, exception=self.outcome.exception, result=self.outcome.result)

    @property
    def waits(self) -> tuple[float, ...]:
        """The seconds from each answer, which cannot come before it is sent, to the next attempt."""
        times = [attempt.times for attempt in self.ledger.attempts if attempt.kind == "call"]
        pairs = itertools.pairwise(times)
        return tuple(after.headers - (before.first_byte or before.body) for before, after in pairs)


@dataclass(frozen=True, kw_only=True)
class Call:
    """How one call is made; `recipe` is what stands in the way before an answer could fail."""

    sdk: str
    dialect: str
    variant: str
    timeout: float = LONG_SECONDS
    recipe: str = ""
    fault: str = ""
    apart: bool = False
    watched: float = LIMIT_SECONDS

    @classmethod
    def of(cls, case: Case) -> Call:
        """Return how the call of a case is made."""
        fault = case.fault
        silent = fault.kind == "deadline" and fault.id not in TOLD
        apart = fault.id in TOLD and not (case.expected and case.expected.exception)
        return cls(
            sdk=case.sdk,
            dialect=case.dialect,
            variant=case.variant,
            timeout=SLOW_SECONDS if fault.id in SLOW else SHORT_SECONDS if silent else LONG_SECONDS,
            recipe="" if fault.stage == "answer" else case.form.recipe,
            fault=fault.id if fault.stage == "answer" else "",
            apart=apart,
            watched=WATCHED_SECONDS if apart or fault.id in ENDLESS else LIMIT_SECONDS,
        )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What its requests meet."""
        return (Rule(id="r1", kinds=(Kind(fault=self.fault),)),) if self.fault else ()


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A call under way."""

    call: Call
    began: float
    router: Router
    listener: Listener
    future: Future[Outcome]

    def end(self) -> Meeting:
        """Wait for the call as long as it is watched, and close its port."""
        left = max(0.0, self.began + self.call.watched - monotonic())
        try:
            outcome = self.future.result(left)
        except TimeoutError:
            outcome = None
        self.listener.close()
        return Meeting(
            outcome=outcome, ledger=self.router.ledger, endless=SLEEPS if self.call.apart else READS
        )


def company(case: Case) -> str:
    """Return with which calls one is made together, since it mostly waits; empty: alone.

    Those that must get each byte in time keep apart from the many that start up with the others.
    """
    fault = case.fault
    if fault.id in SLOW:
        return "slow"
    idle = fault.kind in {"network", "deadline"} or fault.id.startswith("retry_after") or fault.id in HINTS
    return "idle" if idle else ""


class Laboratory:
    """A server, all SDKs, and two authorities, of which the clients trust the first."""

    def __init__(self, server: Server, trusted: Authority, untrusted: Authority, clients: Clients) -> None:
        self._server = server
        self._trusted = trusted
        self._untrusted = untrusted
        self._clients = clients
        self._pending: dict[str, Pending] = {}
        self._met: dict[str, Meeting] = {}

    def meet(self, case: Case, others: Iterable[Case] = ()) -> Meeting:
        """Make the call of a case, together with those of `others` that keep it company."""
        if case.id not in self._pending and case.id not in self._met:
            same = [other for other in others if other.sdk == case.sdk and company(other) == company(case)]
            together = {each.id: each for each in (*(same if company(case) else ()), case)}
            self._pending |= {name: self._begin(Call.of(each)) for name, each in together.items()}
            if company(case) == "slow":
                self._met |= {name: self._pending.pop(name).end() for name in together}
        return self._met.pop(case.id, None) or self._pending.pop(case.id).end()

    def healthy(self, sdk: str, dialect: str, variant: str) -> Meeting:
        """Make a call that meets no fault."""
        return self._begin(Call(sdk=sdk, dialect=dialect, variant=variant)).end()

    def close(self) -> None:
        """Close the ports of calls that were begun and never asked for."""
        for pending in self._pending.values():
            pending.listener.close()

    def _begin(self, call: Call) -> Pending:
        canaries = Canaries.draw("A")
        router = Router(f"{call.sdk}-{call.dialect}", seed=0, rules=call.rules, canaries=canaries)
        listener = self._open(call.recipe, router)
        future = self._clients.submit(job(call, canaries, listener.url), apart=call.apart)
        return Pending(call=call, began=monotonic(), router=router, listener=listener, future=future)

    def _open(self, recipe: str, router: Router) -> Listener:
        match recipe:
            case "missing_key":
                return self._server.open(router)
            case "tls_untrusted":
                return self._server.open(router, trap=recipe, tls=self._untrusted.context(LOOPBACK))
            case "tls_expired":
                return self._server.open(
                    router, trap=recipe, tls=self._trusted.context(LOOPBACK, expired=True)
                )
            case "tls_hostname":
                return self._server.open(router, trap=recipe, tls=self._trusted.context(OTHER_HOST))
        return self._server.open(router, trap=recipe)


def job(call: Call, canaries: Canaries, url: str) -> Job:
    """Describe a call to whoever makes it."""
    keyless = call.recipe == "missing_key"
    return Job(
        sdk=call.sdk,
        dialect=call.dialect,
        variant=call.variant,
        url=url,
        key="" if keyless else canaries.keys[KEYS[call.dialect]],
        secret="" if keyless else canaries.keys["AWS_SECRET_ACCESS_KEY"],
        model=MODELS[call.dialect],
        timeout=call.timeout,
        words=Words(
            head=canaries.head,
            middle=canaries.middle,
            tail=canaries.tail,
            poison=canaries.poison,
            answer=canaries.text,
        ),
    )
