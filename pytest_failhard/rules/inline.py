"""Binds `failhard: allow` comments to the findings that they cover, and says which are worth nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pytest_failhard.model import Finding, Severity, Waiver
from pytest_failhard.rules import catalogue
from pytest_failhard.rules.data import allows as data

if TYPE_CHECKING:
    from pytest_failhard.model import Base, Run
    from pytest_failhard.rules.findings import Settled
    from pytest_failhard.rules.scan import Scan
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.allows import Allow


@dataclass(frozen=True, kw_only=True)
class Inline:
    """What the comments come to for one gate: waivers of its findings, and findings about themselves."""

    waivers: tuple[Waiver, ...]
    findings: tuple[Finding, ...]


def bind(scan: Scan, gate: str, settled: Settled, run: Run) -> Inline:
    """Return the waivers of one gate, and a finding for each comment that is expired, idle or without effect.

    A malformed comment binds nothing; the gate `integrity` reports it. From level 3 on one that the
    change itself adds has no effect, from level 4 on none has.
    """
    waivers: list[Waiver] = []
    findings: list[Finding] = []
    for allow in allows(scan):
        named = [
            name for name in allow.rules if not flaws(allow, run.level, run.today) and _gate(name) == gate
        ]
        if not named or allow.until is None:
            continue
        if run.today > allow.until:
            findings.append(_stale(allow, "expired-allow", f"expired on {allow.until}", run.level))
            continue
        idle = [name for name in named if not any(_covers(allow, name, hit) for hit in settled.hits)]
        if idle:
            findings.append(
                _stale(allow, "unused-allow", f"{', '.join(idle)}: nothing to allow here", run.level)
            )
        if why := _without_effect(allow, run.level, run.base):
            findings.append(_idle(allow, why))
        else:
            waivers += _waivers(allow, allow.until, gate, named, settled.findings)
    return Inline(waivers=tuple(sorted(waivers, key=repr)), findings=tuple(sorted(findings)))


def malformed(scan: Scan, level: int, today: date) -> Iterator[Finding]:
    """Yield a finding, high at every level, for each comment that cannot be honoured as it is written."""
    for allow in allows(scan):
        wrong = flaws(allow, level, today)
        if wrong:
            yield _finding(
                allow,
                "malformed-allow",
                Severity.HIGH,
                f"`{allow.text}`: {'; '.join(wrong)}",
                'write `failhard: allow[RULE] owner=NAME reason="..." until=YYYY-MM-DD`, or use a waiver',
            )


def allows(scan: Scan) -> Iterator[Allow]:
    """Yield all such comments of a tree."""
    for facts in scan.files:
        yield from facts.allows


def flaws(allow: Allow, level: int, today: date) -> Sequence[str]:
    """Return what is wrong with a comment at a level; empty for one that is well formed."""
    wrong = [*allow.flaws, *(problem for name in allow.rules if name and (problem := _unusable(name)))]
    latest = today + timedelta(days=data.LONGEST_DAYS[level])
    if allow.until is not None and allow.until > latest:
        wrong.append(f"until={allow.until} is too late; level {level} admits {latest} at most")
    if level >= data.REF_FROM_LEVEL and not allow.ref and not allow.flaws:
        wrong.append(f"ref= is missing: level {level} demands it")
    return wrong


def _unusable(name: str) -> str:
    try:
        rule = catalogue.find(name)
    except catalogue.UnknownRuleError as error:
        return str(error)
    if rule.gate == "integrity" or rule.code in data.BARRED:
        return f"no comment lets {rule.code} through"
    return ""


def _gate(name: str) -> str:
    return catalogue.find(name).gate


def _covers(allow: Allow, name: str, place: Hit | Finding) -> bool:
    inside = allow.path == place.path and allow.first <= place.line <= allow.last
    return inside and name in {place.rule, place.rule.partition("/")[0], place.name}


def _without_effect(allow: Allow, level: int, base: Base | None) -> str:
    if level >= data.CENTRAL_FROM_LEVEL:
        return f"level {level} honours waivers in the file for them alone"
    changed = base.changed_lines().get(allow.path, frozenset()) if base is not None else frozenset[int]()
    if level >= data.REF_FROM_LEVEL and allow.line in changed:
        return "the change itself adds it; it holds once it is merged"
    return ""


def _waivers(
    allow: Allow, until: date, gate: str, named: Iterable[str], findings: Iterable[Finding]
) -> Iterator[Waiver]:
    names = tuple(named)
    for finding in findings:
        if any(_covers(allow, name, finding) for name in names):
            yield Waiver(
                gate=gate,
                rule=finding.rule,
                path=finding.path,
                fingerprint=finding.fingerprint,
                reason=allow.reason,
                owner=allow.owner,
                expires=until,
                kind=data.KIND,
                ref=allow.ref,
            )


def _stale(allow: Allow, name: str, text: str, level: int) -> Finding:
    severity = Severity.HIGH if level >= data.REF_FROM_LEVEL else Severity.MEDIUM
    return _finding(allow, name, severity, f"the allow of {allow.owner}: {text}", "remove the comment")


def _idle(allow: Allow, why: str) -> Finding:
    text = f"the allow of {allow.owner} has no effect: {why}"
    return _finding(allow, "allow-without-effect", Severity.LOW, text, "mend the place, or use a waiver")


def _finding(allow: Allow, name: str, severity: Severity, message: str, fix: str) -> Finding:
    return Finding(
        rule=name,
        name=name,
        path=allow.path,
        line=allow.line,
        severity=severity,
        message=message,
        fix=fix,
        anchor=allow.text,
    )
