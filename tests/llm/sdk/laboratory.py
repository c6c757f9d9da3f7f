"""Lets one SDK meet one fault over a real socket, and notes what both sides saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import Observed
from pytest_failhard.llm.ledger import Ledger
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.schedule import Kind, Rule
from pytest_failhard.llm.server import Listener, Server
from pytest_failhard.llm.server.certificates import OTHER_HOST, Authority
from pytest_failhard.llm.traffic.environment import BASE_URL, variables
from tests.llm.sdk.clients import Clients
from tests.llm.sdk.job import Job, Outcome, Words
from tests.llm.sdk.matrix import READS, SLEEPS, Case

LOOPBACK = "127.0.0.1"
SHORT_SECONDS = 0.5
LONG_SECONDS = 10.0
WATCHED: Mapping[str, float] = {READS: 3 * SHORT_SECONDS, SLEEPS: 2.0}
"""How long a call is watched that never ends: longer than its own time-out, or than any back-off."""
UNKNOWN_SECONDS = 30.0
CERTIFIED = frozenset({"tls_untrusted", "tls_expired", "tls_hostname"})
SLOW = frozenset({"slow_drip"})

KEYS: Mapping[str, str] = {
    "openai": "OPENAI_API_KEY",
    "openai_responses": "OPENAI_API_KEY",
    "openai_embeddings": "OPENAI_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
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
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "mistral-small-latest",
}


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """What came of a call, and the server's record of it."""

    outcome: Outcome | None
    ledger: Ledger

    def observed(self, endless: str) -> Observed:
        """Return it as the catalogue notes it; `endless` says how a call is called that did not end."""
        attempts = sum(attempt.kind == "call" for attempt in self.ledger.attempts)
        if self.outcome is None:
            return Observed(attempts=attempts, result=endless)
        return Observed(attempts=attempts, exception=self.outcome.exception, result=self.outcome.result)


class Laboratory:
    """A server, an authority and all SDKs; the `folder` is empty."""

    def __init__(self, server: Server, authority: Authority, clients: Clients, folder: Path) -> None:
        self._server = server
        self._authority = authority
        self._clients = clients
        self._folder = folder

    def meet(self, case: Case) -> Meeting:
        """Make the call of a case."""
        endless = case.expected.result if case.expected else ""
        seconds = WATCHED.get(endless, UNKNOWN_SECONDS)
        recipe = case.form.recipe if case.fault.stage != "answer" else ""
        kinds = (Kind(fault=case.fault.id),)
        rules = () if recipe else (Rule(id="r1", kinds=kinds),)
        return self._call(case.sdk, case.dialect, case.variant, rules, recipe, case, seconds)

    def healthy(self, sdk: str, dialect: str, variant: str) -> Meeting:
        """Make a call that meets no fault."""
        raise NotImplementedError
