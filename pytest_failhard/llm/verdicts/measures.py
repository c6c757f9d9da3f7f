"""Counts what the cases showed: the figures that a policy bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from pytest_failhard.llm.ledger import calls
from pytest_failhard.llm.verdicts.expectation import Trial
from pytest_failhard.llm.verdicts.hard import explicit
from pytest_failhard.llm.verdicts.limits import Window
from pytest_failhard.llm.verdicts.rules import FALLBACK_RULES
from pytest_failhard.llm.verdicts.search import Presence
from pytest_failhard.llm.verdicts.shown import answer
from pytest_failhard.model import Finding, Severity

COUNTED = {
    "unbounded": frozenset(("hang", "unbounded-timeout")),
    "permanent_retried": frozenset(("retried-permanent-error",)),
    "quota_retried": frozenset(("retried-quota-error",)),
    "retry_after_violations": frozenset(("retry-after-ignored",)),
    "not_recovered": frozenset(("not-recovered",)),
    "causeless": frozenset(("causeless-error",)),
    "default_timeouts": frozenset(("default-timeout",)),
    "egress": frozenset(("egress",)),
}
"""Measures that count findings of these rules."""


@dataclass(frozen=True, kw_only=True)
class Soak:
    """Calls under load with faults by chance: how many, how often a fault fired, how many ended wrongly."""

    calls: int = 0
    fired: int = 0
    wrong: int = 0


def together(soaks: Iterable[Soak]) -> Soak | None:
    """Return the sum of soaks, None where there was none."""
    made = tuple(soaks)
    if not made:
        return None
    return Soak(
        calls=sum(each.calls for each in made),
        fired=sum(each.fired for each in made),
        wrong=sum(each.wrong for each in made),
    )


def soak(trials: Sequence[Trial], fired: int) -> Soak:
    """Count the calls that gave neither the whole answer nor an explicit error; `fired` is the record's."""
    return Soak(calls=len(trials), fired=fired, wrong=sum(not _right(trial) for trial in trials))


def measures(
    cases: Sequence[Trial],
    findings: Iterable[Finding],
    *,
    demanded: int,
    windows: Iterable[Window] = (),
    cost_usd: Decimal | None = Decimal(0),
    soaked: Soak | None = None,
) -> dict[str, int | Fraction]:
    """Return the gate's measures: exact counts, percent of the limit of the worst minute, dollars.

    `demanded` is the number of cases that the level asks for; `findings` are those of all cases. Without
    `cost_usd`, where a model has no price, there is no such measure: a part of a sum is none.
    """
    ends = soaked if soaked is not None else Soak()
    found = {(finding.rule, finding.fingerprint): finding for finding in findings}.values()
    return {
        "cases": len(cases),
        "cases_demanded": demanded,
        "silent_fallbacks": sum(finding.rule in FALLBACK_RULES for finding in found),
        # What alone opens nothing is a finding and no leaked key.
        "leaked_keys": sum(_is_leak(finding) for finding in found),
        **{name: sum(finding.rule in rules for finding in found) for name, rules in COUNTED.items()},
        "attempts_max": max((_attempts(trial) for trial in cases), default=0),
        "worst_rate_percent": max((window.percent for window in windows), default=Fraction(0)),
        **({} if cost_usd is None else {"cost_usd": Fraction(cost_usd)}),
        "soak_calls": ends.calls,
        "soak_fired": ends.fired,
        "soak_wrong": ends.wrong,
    }


def _is_leak(finding: Finding) -> bool:
    return finding.rule == "leaked-key" and finding.severity is Severity.HIGH


def _attempts(trial: Trial) -> int:
    return max((len(call.attempts) for call in calls(trial.attempts)), default=0)


def _right(trial: Trial) -> bool:
    if explicit(trial.outcome, trial.expectation):
        return True
    answered = answer(trial.outcome, trial.expectation) is Presence.FULL
    return trial.outcome.ended and trial.outcome.produced and answered
