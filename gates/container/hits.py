"""What a rule of the gate `container` reports, and how it becomes a finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_failhard.model import Finding, Severity

OFF = "off"


@dataclass(frozen=True, kw_only=True, order=True)
class Hit:
    """One thing that is wrong. `basis` is what does not move; empty means the message."""

    rule: str
    path: str
    line: int
    message: str
    fix: str
    basis: str = ""


def findings(hits: Iterable[Hit], severity: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings that a policy lists, sorted, each place once."""
    listed = [hit for hit in dict.fromkeys(hits) if severity.get(hit.rule, OFF) != OFF]
    return tuple(
        sorted(
            Finding(
                rule=hit.rule,
                name=hit.rule,
                path=hit.path,
                line=hit.line,
                severity=Severity[severity[hit.rule].upper()],
                message=hit.message,
                fix=hit.fix,
                anchor=hit.basis,
            )
            for hit in listed
        )
    )
