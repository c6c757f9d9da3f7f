"""Judges a whole case: what its fault demands, and what holds of every case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pytest_failhard.llm.ledger import Attempt, calls
from pytest_failhard.llm.verdicts.accounts import logs_request_ids
from pytest_failhard.llm.verdicts.cause import shows_fault
from pytest_failhard.llm.verdicts.expectation import Demand, Expectation, Trial, demand
from pytest_failhard.llm.verdicts.fallbacks import substitutes
from pytest_failhard.llm.verdicts.hard import fails_hard, hang
from pytest_failhard.llm.verdicts.leaks import no_secret_leak
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.recovery import bounded, hints_honoured, recovers, succeeds
from pytest_failhard.llm.verdicts.retries import no_retry
from pytest_failhard.llm.verdicts.rules import VerdictError
from pytest_failhard.llm.verdicts.timeouts import has_timeout
from pytest_failhard.model import Finding

Function = Callable[[Sequence[Attempt], Outcome, Expectation], tuple[Finding, ...]]
NO_REQUEST = frozenset(("missing_key", "refused", "dns_failure", "connect_timeout"))
"""Faults that keep every request away: the failure's text proves that they were met."""


def judge(trial: Trial) -> tuple[Finding, ...]:
    """Return all that is wrong with one case, sorted, each finding once.

    Raises VerdictError `unknown-route` and `injection-not-exercised` for a case that proves nothing.
    """
    require_exercised(trial)
    wanted = _DEMANDED[demand(trial.expectation, trial.attempts)]
    findings = [
        *wanted(trial.attempts, trial.outcome, trial.expectation),
        *no_retry(trial.attempts, trial.outcome, trial.expectation),
        *no_secret_leak(trial.attempts, trial.outcome, trial.expectation),
        *has_timeout(trial.attempts, trial.outcome, trial.expectation),
        *hints_honoured(calls(trial.attempts), trial.expectation),
        *logs_request_ids(trial.attempts, trial.outcome, trial.expectation),
    ]
    return tuple(sorted({finding.fingerprint: finding for finding in findings}.values()))


def require_exercised(trial: Trial) -> None:
    """Raise VerdictError unless the fault reached the system, and nothing else did.

    A fault that lets no request through is proven by a failure that names it; the gate has proven by a
    healthy run that the same layer carries the call. TLS faults are counted as connections by the server.
    """
    expectation = trial.expectation
    unknown = next((attempt for attempt in trial.attempts if attempt.kind == "unknown"), None)
    if unknown is not None:
        text = f"{expectation.case}: request {unknown.method} {unknown.route} has no dialect"
        raise VerdictError("unknown-route", text)
    fault = expectation.fault
    if fault is None or any(attempt.fault for attempt in trial.attempts):
        return
    if fault.stage == "answer":
        seen = len([attempt for attempt in trial.attempts if attempt.kind == "call"])
        text = f"{expectation.case}: fault {fault.id!r} never fired in {seen} requests"
        raise VerdictError("injection-not-exercised", text)
    failed = trial.outcome.ended and not trial.outcome.produced
    if failed and fault.id in NO_REQUEST and not shows_fault(trial.outcome, expectation):
        text = f"{expectation.case}: no request and no text show that the fault {fault.id!r} was met"
        raise VerdictError("injection-not-exercised", text)


def _recovers_or_fails(
    attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation
) -> tuple[Finding, ...]:
    judged = recovers if outcome.produced else fails_hard
    return judged(attempts, outcome, expectation)


def _reported(attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    """A call whose end is only recorded must still end, and with the key that it was given."""
    return (*hang(attempts, outcome, expectation), *substitutes(attempts, outcome, expectation))


_DEMANDED: Mapping[Demand, Function] = {
    "fail": fails_hard,
    "recover": recovers,
    "fail-or-recover": _recovers_or_fails,
    "succeed": succeeds,
    "bounded": bounded,
    "report": _reported,
}
