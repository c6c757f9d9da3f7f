"""The healthy runs of a call: through which layer it reaches the provider, and that it uses the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_failhard.gates.llm.lanes import Lane, Met
from pytest_failhard.llm.prices import Prices
from pytest_failhard.llm.traffic.environment import BY_HOOK, BY_PROXY
from pytest_failhard.llm.verdicts.accounts import reports_cost
from pytest_failhard.llm.verdicts.expectation import ERROR_STATUS, Expectation, Fallback, Trial, provider
from pytest_failhard.llm.verdicts.fallbacks import substitutes
from pytest_failhard.llm.verdicts.leaks import no_secret_leak
from pytest_failhard.llm.verdicts.rules import VerdictError
from pytest_failhard.llm.verdicts.timeouts import has_timeout
from pytest_failhard.llm.verdicts.usage import uses_llm
from pytest_failhard.model import GateError

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.cases import Case
    from pytest_failhard.gates.llm.declaration import LlmSettings
    from pytest_failhard.llm.calls import Call
    from pytest_failhard.model import Finding

HEALTHY_SECONDS = 60.0
"""What a call may take with a provider that answers at once; chosen, not measured."""
SHORT_SECONDS = 10.0
"""For failures that are known at once: a refused key, a refused connection."""
SHORT = frozenset({"refused", "dns_failure", "missing_key"})
SHORT_KINDS = frozenset({"permanent", "permanent-retried"})
OUTLASTS_TIMEOUT = frozenset({"slow_drip"})


@dataclass(frozen=True, kw_only=True)
class Healthy:
    """What two healthy runs have shown of a call."""

    call: Call
    settings: LlmSettings
    layers: frozenset[str]
    first: Met
    second: Met

    @property
    def dialects(self) -> frozenset[str]:
        """The dialects that the call speaks."""
        asked = (each for met in (self.first, self.second) for each in met.ledger.attempts)
        return frozenset(attempt.dialect for attempt in asked if attempt.kind == "call")

    @property
    def models(self) -> frozenset[tuple[str, str]]:
        """The models that it asks, each with the dialect in which it does."""
        asked = (each for met in (self.first, self.second) for each in met.ledger.attempts)
        return frozenset((attempt.dialect, attempt.model) for attempt in asked if attempt.kind == "call")

    @property
    def within(self) -> float:
        """The seconds that a call may take that meets a failure by chance, its own time included."""
        return self.deadline(None) + self.seconds

    @property
    def features(self) -> frozenset[str]:
        """What its requests make use of."""
        return self.first.features | self.second.features

    @property
    def seconds(self) -> float:
        """How long a healthy call takes, the slower of the two."""
        return max(self.first.outcome.seconds, self.second.outcome.seconds)

    def deadline(self, case: Case | None) -> float:
        """Return the seconds that a call may take under a fault, beyond a healthy call's own."""
        if case is None:
            return float(self.settings.deadline)
        short = case.fault.id in SHORT or case.fault.kind in SHORT_KINDS
        return min(SHORT_SECONDS, self.settings.deadline) if short else float(self.settings.deadline)

    def expectation(self, met: Met, name: str, case: Case | None = None) -> Expectation:
        """Return what is expected of a call that left this behind."""
        failing = frozenset(self.call.error_status)
        return Expectation(
            case=name,
            canaries=met.canaries,
            fault=case.fault if case else None,
            form=case.form if case else None,
            dialect=case.dialect if case else min(self.dialects, default="openai"),
            call=self.call.id,
            earlier=met.earlier,
            healthy=(self.first.outcome, self.second.outcome),
            providers=frozenset(provider(dialect) for dialect in self.dialects),
            canary=self.call.canary,
            single=case.single if case else False,
            deadline=self.deadline(case),
            beyond=self.seconds,
            error_status=failing or ERROR_STATUS,
            max_attempts=self.settings.max_attempts,
            result_files=frozenset({self.call.where.path} - {""}),
            fallbacks=declared(self.settings),
            may_fail=bool(case and case.fault.id in OUTLASTS_TIMEOUT and self.settings.timeout_env),
        )

    def trial(self, met: Met, name: str, case: Case | None = None) -> Trial:
        """Return a call as the verdicts read it."""
        return Trial(
            expectation=self.expectation(met, name, case), outcome=met.outcome, attempts=met.ledger.attempts
        )


def declared(settings: LlmSettings) -> tuple[Fallback, ...]:
    """Return the declared fallbacks as the verdicts read them."""
    return tuple(
        Fallback(source=each.source, target=each.to, on=frozenset(each.on), attribution=each.attribution)
        for each in settings.fallbacks
    )


def probe(
    call: Call, settings: LlmSettings, open_lane: Callable[[frozenset[str]], Lane]
) -> tuple[Lane, Healthy]:
    """Run a call twice with a healthy provider; return the lane that reached it, and what was seen.

    Raises GateError `injection-not-exercised` where no layer leads the call to the provider.
    """
    tried: list[str] = []
    for layers in (BY_PROXY, BY_HOOK):
        lane = open_lane(layers)
        first = lane.healthy(f"A@{call.id}", HEALTHY_SECONDS, shipped=True)
        if any(attempt.kind == "call" for attempt in first.ledger.attempts):
            lane.proxied = layers == BY_PROXY and any(
                each.layer == "proxy" for each in first.ledger.attempts if each.kind == "call"
            )
            second = lane.healthy(f"B@{call.id}", HEALTHY_SECONDS)
            return lane, Healthy(call=call, settings=settings, layers=layers, first=first, second=second)
        tried.append(f"{' and '.join(sorted(layers))}: {_seen(first)}")
        lane.close()
    raise GateError(
        f"injection-not-exercised: {call.id}: a healthy run sent no LLM request to the provider "
        f"({'; '.join(tried)}); let the client find it by its environment, its proxy or its transport"
    )


def _seen(met: Met) -> str:
    routes = sorted({f"{attempt.kind} {attempt.route}" for attempt in met.ledger.attempts})
    outcome = met.outcome
    texts = [f"{link.type}: {link.text}" for link in outcome.chain] + [outcome.streams.get("stderr", "")]
    said = next((_line(text) for text in texts if text.strip()), "no message")
    ended = "answered" if outcome.produced else f"failed ({said[:200]})"
    return f"{', '.join(routes) or 'no request'}, refused {', '.join(met.egress) or 'nothing'}, {ended}"


def _line(text: str) -> str:
    """Return the line that says most: the last one that speaks of an error, else the last one."""
    lines = text.strip().splitlines()
    return next((line.strip() for line in reversed(lines) if "error" in line.lower()), lines[-1])


def judge(healthy: Healthy) -> tuple[Finding, ...]:
    """Return what is wrong with the healthy runs; raises VerdictError where they do not use the LLM."""
    name = f"healthy@{healthy.call.id}"
    first = healthy.trial(healthy.first, name)
    second = healthy.trial(healthy.second, name)
    looked = (first.attempts, first.outcome, first.expectation)
    return (
        *uses_llm(first, second),
        *has_timeout(*looked),
        *no_secret_leak(*looked),
        *substitutes(*looked),
        *(_cost(healthy, first) or _cost(healthy, second)),
    )


def _cost(healthy: Healthy, trial: Trial) -> tuple[Finding, ...]:
    """Compare what the call says that it cost with its usage, where it says so; raises VerdictError."""
    if not healthy.call.cost:
        return ()
    prices = Prices.load()
    asked = [attempt for attempt in trial.attempts if attempt.kind == "call"]
    unknown = sorted({each.model for each in asked if prices.find(each.dialect, each.model) is None})
    if unknown:
        text = f"{healthy.call.id}: cost: no price in the list of {prices.as_of} for {', '.join(unknown)}"
        raise VerdictError("price-unknown", text)
    return reports_cost(healthy.call.cost, sum(map(prices.cost, asked), Decimal(0)), trial)
