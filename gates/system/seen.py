"""What one check saw, and how that of several becomes one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

from pytest_failhard.model import Finding, GateError, Severity

DECLARATION = "pyproject.toml"
_Value = TypeVar("_Value")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one check saw. `volatile` names the measures that a clock gave.

    `proved` holds the statements of the readiness score that the check could examine, by id (`S1`).
    """

    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, int | Fraction] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()
    examined: int = 0
    proved: Mapping[str, bool] = field(default_factory=dict)


def finding(
    rule: str,
    message: str,
    fix: str,
    *,
    at: tuple[str, int] = (DECLARATION, 0),
    basis: str = "",
    high: bool = False,
) -> Finding:
    """Return a finding of a check; `basis` is what does not move, `at` the file and line it is about.

    Its message holds no port, process id, duration or path of this run: it is the same in the next one.
    """
    return Finding(
        rule=rule,
        name=rule,
        path=at[0],
        line=at[1],
        severity=Severity.HIGH if high else Severity.MEDIUM,
        message=message,
        fix=fix,
        anchor="\0".join((rule, basis)) if basis else "",
    )


def joined(parts: Iterable[Seen]) -> Seen:
    """Return what several checks saw; raises GateError where two claim the same measure or statement."""
    listed = tuple(parts)
    return Seen(
        findings=tuple(each for seen in listed for each in seen.findings),
        measures=_once([seen.measures for seen in listed]),
        volatile=frozenset(name for seen in listed for name in seen.volatile),
        examined=sum(seen.examined for seen in listed),
        proved=_once([seen.proved for seen in listed]),
    )


def _once(tables: Iterable[Mapping[str, _Value]]) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for table in tables:
        if twice := sorted(found.keys() & table.keys()):
            raise GateError(f"two checks measure {', '.join(twice)}: a fault of the gate")
        found.update(table)
    return found
