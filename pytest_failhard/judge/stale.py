"""Finds the waivers that hold no longer, after every gate was judged."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pytest_failhard.judge.matching import WAIVERS_FILE, counted, means
from pytest_failhard.model import Finding, Result, Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from pytest_failhard.model import Waiver, WaiverTerms

NAMED = 3


def settle_waivers(
    results: Iterable[Result], waivers: Iterable[Waiver], terms: WaiverTerms, today: date
) -> tuple[Result, ...]:
    """Return the results with a finding for each waiver that is expired, mismatched or unused.

    The finding stands at the gate that the waiver names and has the severity `terms.stale`; at medium
    and above it fails the gate, whatever `fail_at` of its rule says, since no rule of the gate is meant.
    A waiver of a gate that did not run, or could not look, is not judged. Where more findings are waived
    than `terms.most`, each gate with waived ones has such a finding too.
    """
    listed, judged = sorted(waivers, key=repr), tuple(results)
    total = sum(len(result.waived) for result in judged)
    return tuple(_settled(result, listed, terms, today, total) for result in judged)


def expiring(waivers: Iterable[Waiver], terms: WaiverTerms, today: date) -> tuple[str, ...]:
    """Return a note for each waiver that ends within the policy's days of warning."""
    return tuple(
        f"the waiver of {waiver.place} expires on {waiver.expires} (owner {waiver.owner})"
        for waiver in sorted(waivers, key=repr)
        if 0 <= (waiver.expires - today).days <= terms.warn_days
    )


def _settled(
    result: Result, waivers: Sequence[Waiver], terms: WaiverTerms, today: date, total: int
) -> Result:
    if result.verdict is Verdict.ERROR:
        return result
    stale = [
        _stale(waiver, problem, terms)
        for waiver in waivers
        if waiver.gate == result.gate and (problem := _problem(waiver, result, today))
    ]
    if result.waived and total > terms.most:
        stale.append(_too_many(total, terms))
    if not stale:
        return result
    merged = tuple(sorted((*result.findings, *stale), key=lambda finding: -finding.severity))
    if terms.stale < Severity.MEDIUM:
        return dataclasses.replace(result, findings=merged)
    reason = f"{counted(stale, 'waiver')} to settle: {'; '.join(each.message for each in stale[:NAMED])}"
    grounds = result.because if result.verdict is Verdict.FAIL else ()
    return dataclasses.replace(
        result,
        verdict=Verdict.FAIL,
        because=(*grounds, reason),
        findings=merged,
        options=(*result.options, f"remove or renew the entry in {WAIVERS_FILE}"),
        fixable=result.fixable or "waiver",
    )


def _too_many(total: int, terms: WaiverTerms) -> Finding:
    return Finding(
        rule="waiver-budget",
        name="waiver-budget",
        path=WAIVERS_FILE,
        line=0,
        severity=terms.stale,
        message=f"{total} findings are waived at once, and the level admits {terms.most}",
        fix="mend some of them",
        anchor="most",
    )


def _problem(waiver: Waiver, result: Result, today: date) -> tuple[str, str] | None:
    """Return name and text of what is wrong with a waiver, or None."""
    if today > waiver.expires:
        return "expired-waiver", f"expired on {waiver.expires}"
    if any(each.waiver == waiver for each in result.waived):
        return None
    for finding in result.findings:
        if means(waiver, result.gate, finding):
            if waiver.fingerprint not in finding.fingerprints:
                return "mismatched-waiver", f"names another fingerprint than {finding.fingerprint}"
            if waiver.has_lapsed(finding):
                return "lapsed-waiver", f"was to hold until a fix exists: {finding.fixed_in} is one"
            return "mismatched-waiver", "cannot cover the finding: not waivable, or worse than its value"
    return "unused-waiver", "covers nothing that was found"


def _stale(waiver: Waiver, problem: tuple[str, str], terms: WaiverTerms) -> Finding:
    name, text = problem
    return Finding(
        rule=name,
        name=name,
        path=WAIVERS_FILE,
        line=0,
        severity=terms.stale,
        message=f"the waiver of {waiver.place} (owner {waiver.owner}) {text}",
        fix="remove the entry, or renew it with a reason that holds today",
        anchor="\0".join((waiver.gate, waiver.rule, waiver.path, waiver.fingerprint)),
    )
