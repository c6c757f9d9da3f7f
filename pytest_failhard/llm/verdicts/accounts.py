"""Judges the books: what a system says a call cost, the age of the prices, the logged request ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts.cause import failure_text
from pytest_failhard.llm.verdicts.expectation import Expectation, Trial
from pytest_failhard.llm.verdicts.fallbacks import said_at
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import finding
from pytest_failhard.model import Finding

AGREEMENT = Decimal("0.02")
PRICES_DAYS = 180
ERROR_STATUS = 400


def cost_agrees(own: Decimal, ledger: Decimal, expectation: Expectation) -> tuple[Finding, ...]:
    """Return `cost-mismatch` where the system's own figure is not within 2 % of the record's."""
    if abs(own - ledger) <= AGREEMENT * ledger:
        return ()
    text = "the cost that the system reports and that of the usage it was sent differ by more than 2 %"
    return (finding("cost-mismatch", expectation.case, text),)


def reports_cost(where: str, ledger: Decimal, trial: Trial) -> tuple[Finding, ...]:
    """Return `cost-mismatch` where the answer of a healthy call says another cost at `where`, or none."""
    said = [value for value in said_at(trial.outcome, where) if isinstance(value, Decimal)]
    if said:
        return cost_agrees(said[0], ledger, trial.expectation)
    return (finding("cost-mismatch", trial.expectation.case, f"the answer holds no number at {where}"),)


def prices_current(as_of: date, today: date) -> tuple[Finding, ...]:
    """Return `stale-prices` for a list older than 180 days."""
    if today - as_of <= timedelta(days=PRICES_DAYS):
        return ()
    text = f"the prices are of {as_of}, more than {PRICES_DAYS} days old"
    return (finding("stale-prices", "prices", text),)


def logs_request_ids(
    attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation
) -> tuple[Finding, ...]:
    """Return `unlogged-request-id` for an error path that names none of the ids the provider sent.

    Only an answer with an error status counts: a broken connection has no id, and of a useless 200 the
    SDKs return what has none.
    """
    errors = (each for each in attempts if each.fault and each.status >= ERROR_STATUS)
    ids = [each.request_id for each in errors if each.request_id]
    if outcome.produced or not ids:
        return ()
    said = failure_text(outcome)
    if any(identifier in said for identifier in ids):
        return ()
    return (
        finding(
            "unlogged-request-id", expectation.case, "the error path mentions no request id of the provider"
        ),
    )
