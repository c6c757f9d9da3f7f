"""The budget series: answers that report huge usage, until the declared budget is spent, and after."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_failhard.llm import catalogue
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.prices import Prices
from pytest_failhard.llm.verdicts.accounts import prices_current
from pytest_failhard.llm.verdicts.limits import Budget, spent, within_budget
from pytest_failhard.llm.verdicts.rules import VerdictError

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.declaration import LlmSettings
    from pytest_failhard.gates.llm.lanes import Lane, Met
    from pytest_failhard.gates.llm.series_bench import Bench
    from pytest_failhard.llm.ledger import Attempt
    from pytest_failhard.model import Finding

FAULT = "usage_huge"
ANSWERS = 20
"""No budget in tokens or money outlasts so many answers."""
MOST_CALLS = 50


def prices(settings: LlmSettings, today: date) -> tuple[Finding, ...]:
    """Return `stale-prices` where a budget in money is declared and the list of prices is old."""
    if settings.budget is None or settings.budget.usd is None:
        return ()
    return prices_current(Prices.load().as_of, today)


def keep_budget(bench: Bench) -> None:
    """Judge a declared budget; raises VerdictError `price-unknown`, `load-too-small`, and GateError."""
    declared = bench.settings.budget
    if declared is None:
        return
    budget = Budget(
        tokens=declared.tokens,
        usd=None if declared.usd is None else Decimal(declared.usd),
        requests=declared.requests,
    )
    lane = bench.lanes[0]
    lane.renew()
    lane.router.usage = Usage(input=_tokens(bench, budget))
    try:
        _judge(bench, lane, budget)
    finally:
        lane.router.usage = None
        lane.renew()


def _judge(bench: Bench, lane: Lane, budget: Budget) -> None:
    name = f"budget@{bench.call.id}"
    cost = None if budget.usd is None else Prices.load().cost
    attempts: list[Attempt] = []
    for number in range(1, _most(bench, budget) + 1):
        over = spent(attempts, budget, cost)
        met: Met = lane.meet(f"budget-{number}@{bench.call.id}", (), bench.seen.within)
        bench.sheet.record(met.ledger)
        attempts += met.ledger.attempts
        if over or not met.outcome.produced:
            break
    bench.facts[name] = {"calls": number}
    expectation = bench.seen.expectation(met, name)
    bench.sheet.find(within_budget(attempts, met.outcome, expectation, budget=budget, cost=cost))


def _most(bench: Bench, budget: Budget) -> int:
    """Return how many calls are a run of the system: one of a command, else as many as the budget holds."""
    if bench.call.form == "command":
        return 1
    return max(MOST_CALLS, (budget.requests or 0) + 1)


def _tokens(bench: Bench, budget: Budget) -> int:
    """Return what an answer reports: a million tokens, or more where the budget is larger."""
    enough = [int(catalogue.load().find(FAULT).params["tokens"] or 0)]
    if budget.tokens is not None:
        enough.append(-(-budget.tokens // ANSWERS))
    if budget.usd is not None:
        enough += [_bought(budget.usd / ANSWERS, *each) for each in sorted(bench.seen.models)]
    return max(enough)


def _bought(usd: Decimal, dialect: str, model: str) -> int:
    listed = Prices.load()
    price = listed.find(dialect, model)
    if price is None:
        text = f"budget.usd: {dialect} model {model!r} has no price in the list of {listed.as_of}"
        raise VerdictError("price-unknown", text)
    return int(usd * listed.per_tokens / price.input) + 1
