"""The only code that decides: an observation against a rule, nothing read, nothing rounded."""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from typing import TYPE_CHECKING

from pytest_failhard.figures import bound_text, decimal_text, is_share
from pytest_failhard.judge.frozen import is_nothing, parted, said_frozen, settle_baseline, slack
from pytest_failhard.judge.matching import WAIVERS_FILE, Judged, counted, means
from pytest_failhard.judge.stale import expiring, settle_waivers
from pytest_failhard.model import Evidence, Finding, Observation, Result, Rule, Severity, Verdict, Waived

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date

    from pytest_failhard.model import Frozen, Waiver

__all__ = [
    "WAIVERS_FILE",
    "Judged",
    "error",
    "expiring",
    "failures",
    "is_nothing",
    "judge",
    "settle_baseline",
    "settle_waivers",
    "slack",
]

MARK = "a waiver of kind false-positive, with an approved_by other than its owner, marks it"
NAMED = 3
HUNDRED = 100
CODE = re.compile(r"(FH\d{3}|FV[1-7])(/|$)")


def judge(
    rule: Rule,
    observation: Observation,
    waivers: Iterable[Waiver],
    today: date,
    baseline: Iterable[Frozen] = (),
) -> Result:
    """Return the verdict of one gate; the observation's own waivers come behind the given ones.

    What no waiver covers, an entry of the baseline may.

    What is not proven is an error: nothing examined, a demanded measure that is missing, a measure that
    cannot be true. No waiver and no baseline is looked at before that. Comparisons are exact.
    """
    rule = _for_its_traits(rule, observation)
    missing = _missing(rule, observation)
    if observation.cut_short:
        rule = _without(rule, missing)
    doubts = _doubts(rule, observation)
    if doubts:
        return _unproven(rule, observation, doubts)
    seen = _seen(rule, observation)
    if not observation.applies:
        return dataclasses.replace(seen, because=(f"does not apply: {rule.when}; the evidence is kept",))
    listed = (*sorted(waivers, key=repr), *observation.allows)
    waived, left = _split(_candidates(rule, observation), rule, listed, today)
    frozen, standing = parted(left, rule, baseline)
    seen = dataclasses.replace(
        seen,
        findings=tuple(each.finding for each in standing),
        waived=tuple(waived),
        baselined=tuple(each.finding for each in frozen),
    )
    failing = [each for each in standing if _fails(each, rule)]
    if missing and all(each.measure is not None for each in failing):
        # Cut short by nothing that stands: then nobody knows what the rest would have shown.
        return _unproven(rule, observation, _said_missing(missing))
    if not failing:
        return dataclasses.replace(seen, because=tuple(_grounds(rule, observation, seen)))
    unseen = [f"not looked at: {', '.join(missing)}"] if missing else []
    reasons = (*_reasons(failing, rule), *unseen, *said_frozen(frozen))
    if rule.starts is not None and today < rule.starts:
        return dataclasses.replace(seen, because=(f"not enforced before {rule.starts}", *reasons))
    return dataclasses.replace(
        seen,
        verdict=Verdict.FAIL,
        because=reasons,
        options=_ways_out(failing, observation, rule),
        fixable="code",
    )


def failures(
    rule: Rule, observation: Observation, waivers: Iterable[Waiver], today: date
) -> tuple[Judged, ...]:
    """Return what fails a gate that could look, without any baseline; nothing where it proves nothing."""
    rule = _for_its_traits(rule, observation)
    if observation.cut_short:
        rule = _without(rule, _missing(rule, observation))
    if _doubts(rule, observation) or not observation.applies:
        return ()
    listed = (*sorted(waivers, key=repr), *observation.allows)
    _, standing = _split(_candidates(rule, observation), rule, listed, today)
    return tuple(each for each in standing if _fails(each, rule))


def error(
    gate: str, because: str, *, external: bool = False, evidence: Iterable[Evidence] = (), tool: str = ""
) -> Result:
    """Return the result of a gate that could not do its work: never a pass, never waivable."""
    return Result(
        gate=gate,
        verdict=Verdict.ERROR,
        because=(because,),
        tool=tool,
        options=(
            "run again once the service outside answers (recommended)"
            if external
            else "remove the cause named above (recommended)",
            "an error cannot be waived",
        ),
        evidence=tuple(sorted(evidence)),
        fixable="outside" if external else "code",
    )


def _doubts(rule: Rule, observation: Observation) -> list[str]:
    """List why the observation proves nothing."""
    doubts = []
    if not _is_count(observation.examined) or observation.examined == 0:
        doubts.append(f"nothing was examined (examined = {observation.examined!r})")
    for name, value in sorted(observation.measures.items()):
        if problem := _impossible(name, value):
            doubts.append(f"the measure {name} is {value!r}: {problem}")
    if not observation.applies:
        return doubts + _unproven_absence(rule, observation)
    return doubts + _said_missing(_missing(rule, observation))


def _missing(rule: Rule, observation: Observation) -> list[str]:
    return sorted({*rule.at_least, *rule.at_most} - set(observation.measures))


def _said_missing(names: Iterable[str]) -> list[str]:
    return [f"the demanded measure {name} is missing" for name in names]


def _for_its_traits(rule: Rule, observation: Observation) -> Rule:
    """Return the rule without the bounds that it states for other kinds of things than the one seen."""
    foreign = {name for name, traits in rule.only_for.items() if not traits & observation.traits}
    return _without(rule, foreign)


def _without(rule: Rule, names: Collection[str]) -> Rule:
    at_least = {name: bound for name, bound in rule.at_least.items() if name not in names}
    at_most = {name: bound for name, bound in rule.at_most.items() if name not in names}
    return dataclasses.replace(rule, at_least=at_least, at_most=at_most)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _impossible(name: str, value: object) -> str:
    """Say why a value cannot be a measure, or nothing. A float may have been rounded: refused."""
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        return "not an exact number"
    if value < 0:
        return "negative"
    if is_share(name) and value > HUNDRED:
        return "above 100 percent"
    return ""


def _unproven_absence(rule: Rule, observation: Observation) -> list[str]:
    doubts = []
    if rule.when is None:
        doubts.append("the gate says it does not apply, and the policy knows no case in which it does not")
    if not observation.evidence:
        doubts.append("the gate says it does not apply, and keeps no evidence for it")
    if observation.findings:
        doubts.append("the gate says it does not apply, and has findings")
    return doubts


def _unproven(rule: Rule, observation: Observation, doubts: Sequence[str]) -> Result:
    sound = {name: value for name, value in observation.measures.items() if not _impossible(name, value)}
    return dataclasses.replace(
        error(rule.gate, "; ".join(doubts), evidence=observation.evidence, tool=observation.tool),
        because=tuple(doubts),
        examined=observation.examined if _is_count(observation.examined) else 0,
        measures=sound,
        findings=tuple(each.finding for each in _worst_first(_distinct(observation.findings))),
    )


def _candidates(rule: Rule, observation: Observation) -> list[Judged]:
    return [*_breaches(rule, observation), *_distinct(observation.findings)]


def _breaches(rule: Rule, observation: Observation) -> list[Judged]:
    """Return a finding of its own for each measure out of bounds."""
    measures, unequal = observation.measures, observation.volatile
    breaches = []
    for name, bound in sorted(rule.at_least.items()):
        if measures[name] < bound:
            message = f"{_shown(name, measures[name], unequal)} < {bound_text(bound)}"
            fix = f"raise {name} to at least {bound_text(bound)}"
            breaches.append(Judged(finding=_breach(name, message, fix), measure=measures[name]))
    for name, bound in sorted(rule.at_most.items()):
        if measures[name] > bound:
            message = f"{_shown(name, measures[name], unequal, up=True)} > {bound_text(bound)}"
            fix = f"bring {name} down to at most {bound_text(bound)}"
            breaches.append(Judged(finding=_breach(name, message, fix), measure=measures[name], ceiling=True))
    return breaches


def _shown(name: str, value: int | Fraction, unequal: frozenset[str], *, up: bool = False) -> str:
    """Return a measure with its value, but for one that is another in the next run on the same commit."""
    return name if name in unequal else f"{name} {decimal_text(value, up=up)}"


def _breach(name: str, message: str, fix: str) -> Finding:
    return Finding(
        rule=name,
        name=name,
        path="",
        line=0,
        severity=Severity.HIGH,
        message=message,
        fix=fix,
        # The value moves with every edit: the identity is the measure, and a waiver states the value.
        anchor=name,
    )


def _distinct(findings: Iterable[Finding]) -> list[Judged]:
    """Keep one of each fingerprint and rule: the worst, at the place of the first."""
    kept: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = (finding.rule, finding.fingerprint)
        kept[key] = min(finding, kept.get(key, finding), key=lambda each: (-each.severity, each))
    return [Judged(finding=finding) for finding in kept.values()]


def _split(
    candidates: Iterable[Judged], rule: Rule, waivers: Iterable[Waiver], today: date
) -> tuple[list[Waived], list[Judged]]:
    """Part what a waiver covers from what stands, worst first, else in the order of the gate."""
    listed = [waiver for waiver in waivers if today <= waiver.expires]
    waived, standing = [], []
    for judged in _worst_first(candidates):
        waiver = next((each for each in listed if _covers(each, judged, rule)), None)
        if waiver is None:
            standing.append(judged)
        else:
            waived.append(Waived(finding=judged.finding, waiver=waiver))
    return waived, standing


def _worst_first(candidates: Iterable[Judged]) -> list[Judged]:
    return sorted(candidates, key=lambda each: (each.measure is None, -each.finding.severity))


def _covers(waiver: Waiver, judged: Judged, rule: Rule) -> bool:
    return (
        rule.waivable.admits(judged.finding, waiver)
        and means(waiver, rule.gate, judged.finding)
        and waiver.binds(judged.finding)
        and judged.accepted_by(waiver)
    )


def _fails(judged: Judged, rule: Rule) -> bool:
    if judged.measure is not None:
        return True
    return rule.fail_at is not None and judged.finding.severity >= rule.fail_at


def _reasons(failing: Sequence[Judged], rule: Rule) -> list[str]:
    """Say why it fails: measures out of bounds first, then the worst findings by name."""
    reasons = [each.finding.message for each in failing if each.measure is not None]
    findings = [each.finding for each in failing if each.measure is None]
    if findings and rule.fail_at is not None:
        named = "; ".join(_line(finding) for finding in findings[:NAMED])
        more = f"; and {len(findings) - NAMED} more" if len(findings) > NAMED else ""
        reasons.append(f"{counted(findings)} at {_from(rule.fail_at)}: {named}{more}")
    return reasons


def _grounds(rule: Rule, observation: Observation, seen: Result) -> list[str]:
    """Say what a pass rests on."""
    grounds = []
    covered = {each.name for each in (*(waived.finding for waived in seen.waived), *seen.baselined)}
    if rule.fail_at is not None:
        examined = observation.examined
        grounds.append(f"no finding at {_from(rule.fail_at)} stands, {examined} examined")
    for name, bound in sorted(rule.at_least.items()):
        if name not in covered:
            shown = _shown(name, observation.measures[name], observation.volatile)
            grounds.append(f"{shown} >= {bound_text(bound)}")
    for name, bound in sorted(rule.at_most.items()):
        if name not in covered:
            shown = _shown(name, observation.measures[name], observation.volatile, up=True)
            grounds.append(f"{shown} <= {bound_text(bound)}")
    if seen.waived:
        grounds.append(f"{counted(seen.waived)} waived")
    grounds += said_frozen(seen.baselined)
    return grounds or [f"reported only, {observation.examined} examined"]


def _ways_out(failing: Sequence[Judged], observation: Observation, rule: Rule) -> tuple[str, ...]:
    """List what a person can do, the repair first."""
    worst = failing[0].finding
    repairs = [each.finding for each in failing if each.measure is None]
    # A measure has no place; the gate's own findings, listed worst first, are where to begin.
    repairs = repairs or [each.finding for each in _worst_first(_distinct(observation.findings))] or [worst]
    # One step, not a list: the findings stand below with a repair each.
    first = next((finding for finding in repairs if finding.fix), repairs[0])
    step = f"{first.fix} ({_where(first)})" if first.path else first.fix
    options = [f"fix: {step} (recommended)"]
    waivable = [each for each in failing if rule.waivable.covers(each.finding)]
    barred = {each.finding.rule for each in failing} - {each.finding.rule for each in waivable}
    marked = {each.finding.rule for each in failing if rule.waivable.marks(each.finding)}
    if waivable:
        options.append(_waiver_entry(waivable[0], rule.gate, observation.volatile))
    if barred:
        options.append(f"not waivable: {', '.join(sorted(barred))}")
    if marked:
        options.append(f"where it is wrong, {MARK}: {', '.join(sorted(marked))}")
    # A static rule has a page of its own; any other finding is explained with its gate.
    subject = worst.rule.partition("/")[0] if CODE.match(worst.rule) else rule.gate
    return (*options, f"read why: failhard explain {subject}")


def _waiver_entry(judged: Judged, gate: str, unequal: frozenset[str]) -> str:
    finding = judged.finding
    value = ""
    if judged.measure is not None:
        worst = "..." if finding.name in unequal else decimal_text(judged.measure, up=judged.ceiling)
        value = f", value: {worst}"
    return (
        f"waive with owner and expiry, one entry a finding, under `waivers` in {WAIVERS_FILE}: "
        f'{{gate: {gate}, rule: "{finding.rule}", path: "{finding.path}", '
        f'fingerprint: "{finding.fingerprint}"{value}, reason: ..., owner: ..., expires: YYYY-MM-DD}}'
    )


def _seen(rule: Rule, observation: Observation) -> Result:
    """Return what the gate saw, as a pass without grounds yet."""
    return Result(
        gate=rule.gate,
        verdict=Verdict.PASS,
        because=(),
        tool=observation.tool,
        examined=observation.examined,
        measures=dict(sorted(observation.measures.items())),
        evidence=tuple(sorted(observation.evidence)),
        applies=observation.applies,
        volatile=observation.volatile & {*observation.measures},
    )


def _from(severity: Severity) -> str:
    name = severity.name.lower()
    return name if severity is Severity.HIGH else f"{name} or above"


def _where(finding: Finding) -> str:
    return f"{finding.path}:{finding.line}" if finding.line else finding.path


def _line(finding: Finding) -> str:
    """Return one finding on one line, whatever its message holds."""
    return " ".join((finding.rule, _where(finding), finding.message)).replace("\n", " ").strip()
