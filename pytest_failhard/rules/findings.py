"""Turns the hits of a gate's rules into findings, with the severities of its policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from pytest_failhard.model import Finding, Settings, Severity
from pytest_failhard.rules.approvals import unused_approvals

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.rules.scan import Scan
    from pytest_failhard.rules.unit import Hit

OFF = "off"
Ranks = Callable[["Sequence[Hit]"], "Iterable[tuple[Hit, str]]"]
MEDIUM = "medium"
HIGH = "high"


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What stands once the project and the options are known: findings, and hits of rules that are off."""

    findings: tuple[Finding, ...]
    hits: tuple[Hit, ...]
    """All hits of the gate, listed or not."""
    unlisted: int


def settle(
    scan: Scan,
    gate: str,
    severity: Mapping[str, str],
    options: Mapping[str, Option],
    more: Iterable[Hit] = (),
    ranks: Ranks | None = None,
) -> Settled:
    """Return the findings of one gate. `severity` maps `name/sub`, `name` or their codes.

    `more` are hits that the scan cannot make: those of checks that need the whole tree. `ranks` is asked
    for the severities where they depend on more than the rule.
    """
    hits = tuple(sorted([*_standing(scan, gate, options), *more]))
    ranked = ranks(hits) if ranks is not None else [(hit, rank_of(hit, severity)) for hit in hits]
    listed = [(hit, how) for hit, how in ranked if how != OFF]
    return Settled(
        findings=tuple(finding(hit, Severity[how.upper()]) for hit, how in listed),
        hits=hits,
        unlisted=len(hits) - len(listed),
    )


def _standing(scan: Scan, gate: str, options: Mapping[str, Option]) -> Iterator[Hit]:
    by_code: dict[str, list[Hit]] = {}
    for hit in scan.hits:
        by_code.setdefault(hit.code, []).append(hit)
    for code, rule in scan.rules.items():
        if rule.gate == gate:
            settled = rule.settle(by_code.get(code, []), scan.index, options)
            yield from (hit for hit in settled if hit.path not in scan.excluded)
    yield from unused_approvals(scan.hits, options)


def rank_of(hit: Hit, severity: Mapping[str, str]) -> str:
    """Return the severity of a hit as a policy writes it; what it does not name is off.

    A hit by a criterion that nobody has measured yet (`unmeasured` in its details) is medium at most.
    """
    named = rank((hit.key, hit.name, hit.rule, hit.code), severity)
    return MEDIUM if named == HIGH and "unmeasured" in hit.details else named


def rank(names: Iterable[str], severity: Mapping[str, str]) -> str:
    """Return the severity under the first of the names that a policy has, the most exact one first."""
    return next((severity[name] for name in names if name in severity), OFF)


def finding(hit: Hit, severity: Severity) -> Finding:
    """Return a hit as a finding: its identity is the code, not the line and not the sub."""
    return Finding(
        rule=hit.rule,
        name=hit.name,
        path=hit.path,
        line=hit.line,
        severity=severity,
        message=hit.message,
        fix=hit.fix,
        anchor=f"{hit.qualname}\0{hit.canonical}",
    )


def options_of(settings: Settings) -> Mapping[str, Option]:
    """Return the fields of a gate's settings by name, as rules read them."""
    return {each.name: getattr(settings, each.name) for each in fields(settings)}


def by_family(scan: Scan, hits: Sequence[Hit]) -> Mapping[str, int]:
    """Return the number of hits of each family, those of rules that are off included."""
    counts: dict[str, int] = {}
    for hit in hits:
        family = scan.rules[hit.code].family
        counts[family] = counts.get(family, 0) + 1
    return counts
