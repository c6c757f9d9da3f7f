"""Verdicts on what a system did while its provider failed: pure functions over the record and the outcome."""

from pytest_failhard.llm.verdicts.accounts import cost_agrees, logs_request_ids, prices_current
from pytest_failhard.llm.verdicts.case import judge, require_exercised
from pytest_failhard.llm.verdicts.circuit import CircuitTrial, circuit_opens
from pytest_failhard.llm.verdicts.expectation import Expectation, Fallback, Trial, demand
from pytest_failhard.llm.verdicts.fallbacks import unexercised
from pytest_failhard.llm.verdicts.hard import explicit, fails_hard
from pytest_failhard.llm.verdicts.leaks import no_secret_leak
from pytest_failhard.llm.verdicts.limits import Budget, Limit, rate_limits, windows, within_budget
from pytest_failhard.llm.verdicts.measures import Soak, measures, soak
from pytest_failhard.llm.verdicts.outcome import Link, Outcome
from pytest_failhard.llm.verdicts.passing import blind_interceptors, egress
from pytest_failhard.llm.verdicts.recovery import backs_off, bounded, hints_honoured, recovers, succeeds
from pytest_failhard.llm.verdicts.retries import no_retry
from pytest_failhard.llm.verdicts.rules import ERRORS, RULES, VerdictError, VerdictRule
from pytest_failhard.llm.verdicts.timeouts import has_timeout
from pytest_failhard.llm.verdicts.usage import uses_llm

__all__ = (
    "ERRORS",
    "RULES",
    "Budget",
    "CircuitTrial",
    "Expectation",
    "Fallback",
    "Limit",
    "Link",
    "Outcome",
    "Soak",
    "Trial",
    "VerdictError",
    "VerdictRule",
    "backs_off",
    "blind_interceptors",
    "bounded",
    "circuit_opens",
    "cost_agrees",
    "demand",
    "egress",
    "explicit",
    "fails_hard",
    "has_timeout",
    "hints_honoured",
    "judge",
    "logs_request_ids",
    "measures",
    "no_retry",
    "no_secret_leak",
    "prices_current",
    "rate_limits",
    "recovers",
    "require_exercised",
    "soak",
    "succeeds",
    "unexercised",
    "uses_llm",
    "windows",
    "within_budget",
)
