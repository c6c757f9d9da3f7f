"""Judges two healthy runs: the result must depend on what the provider answered."""

from __future__ import annotations

from pytest_failhard.llm.verdicts.cause import failure_text
from pytest_failhard.llm.verdicts.expectation import Trial
from pytest_failhard.llm.verdicts.fallbacks import excerpt
from pytest_failhard.llm.verdicts.rules import VerdictError, finding
from pytest_failhard.llm.verdicts.search import Presence, holds_any, holds_number
from pytest_failhard.llm.verdicts.shown import answer
from pytest_failhard.model import Finding


def uses_llm(first: Trial, second: Trial) -> tuple[Finding, ...]:
    """Return `stale-answer` where the second run shows the first one's answer.

    Raises VerdictError `llm-not-used` unless both runs succeed, ask the provider, and hold their own answer.
    """
    if _shows_first(first, second):
        text = "the second healthy run gave the answer of the first: the system answered from an earlier call"
        return (finding("stale-answer", second.expectation.case, text),)
    _require(first)
    _require(second)
    if first.outcome.result == second.outcome.result:
        reason = "two healthy runs with different provider answers gave the same output"
        raise VerdictError("llm-not-used", f"{second.expectation.case}: {reason}")
    return ()


def _shows_first(first: Trial, second: Trial) -> bool:
    if first.expectation.canary == "choice" or not second.outcome.produced:
        return False
    text, known = second.outcome.result, first.expectation.canaries
    if first.expectation.canary == "number":
        return holds_number(text, known.number)
    return bool(holds_any(text, (known,)))


def _require(trial: Trial) -> None:
    if not trial.outcome.ended or not trial.outcome.produced:
        reason = f"a healthy run failed: {_said(trial)}"
    elif not any(attempt.kind == "call" for attempt in trial.attempts):
        reason = "a healthy run sent no request to the provider"
    elif answer(trial.outcome, trial.expectation) is not Presence.FULL:
        reason = "the output of a healthy run does not hold the provider's answer"
    else:
        return
    raise VerdictError("llm-not-used", f"{trial.expectation.case}: {reason}")


def _said(trial: Trial) -> str:
    """Return how a run failed, in its own words."""
    outcome = trial.outcome
    if not outcome.ended:
        return "it did not end in time"
    lines = [f"{link.type}: {link.text}" for link in outcome.chain[:1]]
    lines += failure_text(outcome).strip().splitlines()[-1:]
    text = excerpt(next(iter(lines), ""), trial.expectation)
    return text or f"no text, exit code or status {outcome.code}"
