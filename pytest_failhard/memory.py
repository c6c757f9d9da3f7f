"""What a run recalls of earlier ones and leaves for later ones; nothing of it changes a verdict."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pytest_failhard import attempts, history, quarantine
from pytest_failhard.judge.failing import failing
from pytest_failhard.model import Verdict
from pytest_failhard.remembered import RUN
from pytest_failhard.store.journal import Journal, JournalError

if TYPE_CHECKING:
    from pytest_failhard.history import History, RunLine
    from pytest_failhard.model import Finding, Report, Result, Rule
    from pytest_failhard.quarantine import Quarantine, Trouble
    from pytest_failhard.remembered import Quarantined
    from pytest_failhard.store.folder import Folder

ARTEFACTS = frozenset({"sbom", "provenance"})
"""Gates that look at a written file and nothing else."""
FORMAT = "unformatted"
MOST_WORDS = 300
MOST_DECISIONS = 20
UNASSIGNED = "unassigned"
_ID = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)+|timeout|contradiction)(?=: )")
_FIGURES = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What of a run is compared with others. `rules` are all of the level; `undisturbed` is false where the
    run itself was disturbed, so that its failures say nothing about the last change."""

    rules: tuple[Rule, ...]
    max_days: int
    tree: str
    packages: str
    report: str
    undisturbed: bool = True


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """A report with what was recalled, and the lines that are to be kept."""

    report: Report
    run: RunLine | None = None
    new: tuple[quarantine.Entry, ...] = ()


def recall(folder: Folder, report: Report, facts: Facts, owner: Callable[[str], str]) -> Recalled:
    """Add attempts, decisions and quarantine to a report.

    `owner` says who answers for a file by its path. What cannot be read is a note: then nothing is counted.
    """
    try:
        past = history.read(Journal(folder=folder, name=history.NAME))
        held = quarantine.read(Journal(folder=folder, name=quarantine.NAME))
    except JournalError as error:
        return Recalled(report=replace(report, notes=(*report.notes, f"attempts are not counted: {error}")))
    today = report.judged_on
    now = _line(report, facts, ())
    new = _new(quarantine.troubles(report.results, now, past.runs), held, report, facts, owner)
    entries = {**held.entries, **{entry.id: entry.quarantined() for entry in new}}
    in_force = [entry for entry in entries.values() if entry.holds(today)]
    now = _line(report, facts, in_force)
    told = _told(report, past, now, entries.values())
    notes = (*report.notes, *past.notes, *held.notes, *_notes(past, now, held, today))
    return Recalled(report=replace(told, notes=notes), run=now, new=new)


def record(folder: Folder, recalled: Recalled) -> str:
    """Keep the lines of a run; return what kept them from being written, or nothing."""
    try:
        if recalled.run is not None:
            Journal(folder=folder, name=history.NAME).append([history.dumped(recalled.run)])
        Journal(folder=folder, name=quarantine.NAME).append([history.dumped(entry) for entry in recalled.new])
    except JournalError as error:
        return f"this run is not in the history: {error}"
    return ""


def _told(report: Report, past: History, now: RunLine, entries: Iterable[Quarantined]) -> Report:
    tally = attempts.count((*past.entries, now.ran()), report.judged_on)
    standing = [name for name, part in now.gates.items() if part.verdict != "pass" and part.counts]
    counts = {name: tally.of(name) for name in standing}
    if standing:
        counts[RUN] = tally.run
    known = {*now.rules, RUN}
    decisions = [each for each in past.recent if each.gate in known and each.holds(report.judged_on)]
    judged = {result.gate for result in report.results}
    return replace(
        report,
        attempts={name: count.attempts for name, count in counts.items()},
        attempts_left={name: count.left for name, count in counts.items()},
        stuck=attempts.stuck(tally, standing),
        decisions=tuple(decisions[-MOST_DECISIONS:]),
        quarantined=tuple(each for each in entries if each.gate in judged),
    )


def _notes(past: History, now: RunLine, held: Quarantine, today: date) -> list[str]:
    notes = []
    if past.runs and (said := history.changes(past.runs[-1], now.level, now.policy, now.rules)):
        notes.append(said)
    notes += [
        f"the decision of {each.owner} on {each.gate} ({each.choice}) expired on {each.expires}: decide again"
        for each in past.recent
        if not each.holds(today)
    ]
    notes += [
        f"the quarantine of {each.subject} expired on {each.expires} (owner {each.owner}): mend it, then "
        f"`failhard quarantine rm {each.id}`"
        for each in held.entries.values()
        if not each.holds(today)
    ]
    return notes


def _line(report: Report, facts: Facts, held: Sequence[Quarantined]) -> RunLine:
    rules = {rule.gate: rule for rule in facts.rules}
    return history.RunLine(
        at=report.started_at,
        commit=report.project.commit,
        dirty=report.project.dirty,
        tree=facts.tree,
        packages=facts.packages,
        level=report.level,
        policy=report.policy_sha256,
        rules={name: history.rule_digest(rule) for name, rule in rules.items()},
        complete=report.complete,
        verdict=report.verdict.value,
        report=facts.report,
        gates={result.gate: _judged(result, rules[result.gate], held, facts) for result in report.results},
        failed=quarantine.failed_tests(report.results),
    )


def _judged(result: Result, rule: Rule, held: Sequence[Quarantined], facts: Facts) -> history.JudgedPart:
    if result.verdict is Verdict.PASS:
        return history.JudgedPart(verdict="pass")
    found = failing(rule, result)
    counted = quarantine.unquarantined(result.gate, found, held)
    explained = result.verdict is Verdict.FAIL and bool(found) and not counted
    return history.JudgedPart(
        verdict=result.verdict.value,
        counts=facts.undisturbed and result.fixable != "outside" and not explained,
        fingerprint=_fingerprint(result, counted),
        most=_most(result, counted),
        why=" ".join(result.because[:1])[:MOST_WORDS],
    )


def _fingerprint(result: Result, findings: Sequence[Finding]) -> str:
    """Return what is equal where the same things fail, wherever they stand and whatever was measured."""
    parts = sorted(finding.fingerprint for finding in findings)
    if result.verdict is Verdict.ERROR:
        parts = [_error(reason) for reason in result.because]
    return hashlib.sha256("\0".join((result.verdict.value, *parts)).encode()).hexdigest()[:16]


def _error(reason: str) -> str:
    match = _ID.match(reason)
    return match.group() if match else _FIGURES.sub("N", reason)


def _most(result: Result, findings: Sequence[Finding]) -> int:
    slight = bool(findings) and all(finding.name == FORMAT for finding in findings)
    return attempts.MOST_SLIGHT if slight or result.gate in ARTEFACTS else attempts.MOST


def _new(
    troubles: Sequence[Trouble],
    held: Quarantine,
    report: Report,
    facts: Facts,
    owner: Callable[[str], str],
) -> tuple[quarantine.Entry, ...]:
    known = held.entries
    fresh = [each for each in troubles if each.id not in known][: quarantine.MOST_NEW]
    return tuple(
        quarantine.Entry(
            id=each.id,
            kind=each.kind,
            gate=each.gate,
            subject=each.subject,
            reason=each.reason,
            owner=owner(each.subject.partition("::")[0])[:MOST_WORDS] or UNASSIGNED,
            since=report.judged_on,
            expires=report.judged_on + timedelta(days=facts.max_days),
            report=facts.report,
            excerpt=each.excerpt,
        )
        for each in fresh
    )
