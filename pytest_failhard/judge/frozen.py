"""Parts what the baseline lets through from what is new, and says where the baseline has slack."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pytest_failhard.figures import decimal_text
from pytest_failhard.judge.matching import counted
from pytest_failhard.model import BASELINE_FILE, Finding, Result, Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_failhard.judge.matching import Judged
    from pytest_failhard.model import Frozen, Rule, Stock

NAMED = 3
Place = tuple[str, str, str]
"""Rule, path, fingerprint: what identifies a finding of one gate."""
SLACK = "baseline-slack"
SHRINK = "failhard baseline --update"


def parted(
    left: Iterable[Judged], rule: Rule, baseline: Iterable[Frozen]
) -> tuple[list[Judged], list[Judged]]:
    """Part what an entry of the baseline lets through from what stands, in the order given.

    What no waiver may cover no baseline lets through either.
    """
    mine = {_place(entry): entry for entry in baseline if entry.gate == rule.gate}
    frozen: list[Judged] = []
    standing: list[Judged] = []
    for judged in left:
        entries = [mine[place] for place in _places(judged.finding) if place in mine] if mine else []
        lets = rule.waivable.covers(judged.finding) and any(_lets(entry, judged) for entry in entries)
        (frozen if lets else standing).append(judged)
    return frozen, standing


def said_frozen(frozen: Sequence[object]) -> list[str]:
    """Say how many findings are frozen; nothing where none is."""
    return [f"{counted(frozen)} frozen in {BASELINE_FILE}"] if frozen else []


def settle_baseline(results: Iterable[Result], stock: Stock) -> tuple[Result, ...]:
    """Return the results with a finding for slack, for what is never frozen, and for a baseline at level 4.

    The finding stands at the gate that the entries name. Entries of a gate that could not look are not
    judged. One at level 4 fails the gate, whatever `fail_at` of its rule says.
    """
    return tuple(_settled(result, stock) for result in results)


def slack(results: Iterable[Result]) -> tuple[str, ...]:
    """Return a note for each place where the baseline could shrink: what passed shows no findings."""
    return tuple(
        f"{finding.message}; {finding.fix}"
        for result in results
        for finding in result.findings
        if finding.name == SLACK
    )


def _settled(result: Result, stock: Stock) -> Result:
    if result.verdict is Verdict.ERROR:
        return result
    refused = [entry for entry in stock.refused if entry.gate == result.gate]
    if refused:
        return _refused(result, refused)
    found = [*_notes(result, [entry for entry in stock.frozen if entry.gate == result.gate])]
    return dataclasses.replace(result, findings=(*result.findings, *found)) if found else result


def is_nothing(judged: Judged) -> bool:
    """Tell whether a floor is missed with nothing at all: no start, no case, no line. That proves nothing."""
    return judged.measure == 0 and not judged.ceiling


def _lets(entry: Frozen, judged: Judged) -> bool:
    return not is_nothing(judged) and entry.ceiling is judged.ceiling and judged.within(entry.value)


def _place(entry: Frozen) -> Place:
    return (entry.rule, entry.path, entry.fingerprint)


def _places(finding: Finding) -> set[Place]:
    """Return what an entry of a finding may be kept under: it can have more than one name."""
    return {(finding.rule, finding.path, fingerprint) for fingerprint in finding.fingerprints}


def _notes(result: Result, entries: Sequence[Frozen]) -> Iterator[Finding]:
    """Yield what is worth saying of the entries of one gate: those of no use, and those with room left."""
    if not entries:
        return
    standing = {place for finding in result.findings for place in _places(finding)}
    let = (*result.baselined, *(each.finding for each in result.waived))
    seen = standing.union(*map(_places, let))
    gone = [entry for entry in entries if _place(entry) not in seen]
    # A measure that got worse stands rightly.
    idle = [entry for entry in entries if entry.value is None and _place(entry) in standing]
    better = [entry for entry in entries if _has_room(entry, result)]
    if gone:
        text = f"{counted(gone, 'frozen finding')} of {result.gate} matched nothing: {_named(gone)}"
        yield _note(SLACK, text, SHRINK, result.gate)
    for entry in better:
        now = decimal_text(result.measures[entry.rule], up=entry.ceiling)
        text = f"{entry.rule} is {now} and frozen at {_value(entry)}: it could get worse unseen"
        yield _note(SLACK, text, SHRINK, f"{result.gate}\0{entry.rule}")
    if idle:
        text = f"no baseline covers {counted(idle)} of {result.gate}: {_named(idle)}"
        yield _note(
            "baseline-idle", f"{text}; what no waiver may cover cannot be frozen", "mend it", result.gate
        )


def _has_room(entry: Frozen, result: Result) -> bool:
    value = result.measures.get(entry.rule)
    if entry.value is None or value is None or entry.rule not in {each.rule for each in result.baselined}:
        return False
    return value < entry.value if entry.ceiling else value > entry.value


def _value(entry: Frozen) -> str:
    return "" if entry.value is None else decimal_text(entry.value, up=entry.ceiling)


def _refused(result: Result, entries: Sequence[Frozen]) -> Result:
    text = f"level 4 has no baseline, and {BASELINE_FILE} holds {counted(entries)} of {result.gate}"
    finding = dataclasses.replace(
        _note("baseline-refused", text, f"mend what is left, and take {BASELINE_FILE} out", result.gate),
        severity=Severity.HIGH,
    )
    grounds = result.because if result.verdict is Verdict.FAIL else ()
    return dataclasses.replace(
        result,
        verdict=Verdict.FAIL,
        because=(*grounds, text),
        findings=(finding, *result.findings),
        options=(*result.options, finding.fix),
        fixable=result.fixable or "code",
    )


def _named(entries: Sequence[Frozen]) -> str:
    named = "; ".join(" ".join(filter(None, (entry.rule, entry.path))) for entry in entries[:NAMED])
    more = f"; and {len(entries) - NAMED} more" if len(entries) > NAMED else ""
    return f"{named}{more}"


def _note(name: str, message: str, fix: str, anchor: str) -> Finding:
    return Finding(
        rule=name,
        name=name,
        path=BASELINE_FILE,
        line=0,
        severity=Severity.LOW,
        message=message,
        fix=fix,
        anchor=anchor,
    )
