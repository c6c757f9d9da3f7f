"""Every finding of a report as one row, and every gate that could not judge as one more, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_failhard.model import Severity, Verdict

if TYPE_CHECKING:
    from pytest_failhard.model import Report, Result

NO_FILE = "pyproject.toml"
"""Where tools that show files show what belongs to none."""
UNPROVEN = "not-proven"
NOTHING_JUDGED = "no gate was judged"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing to show. `failing` tells whether it is of a gate that did not pass."""

    gate: str
    rule: str
    name: str
    path: str
    line: int
    severity: Severity
    message: str
    fix: str
    fingerprint: str
    failing: bool

    @property
    def rank(self) -> tuple[bool, int, str, int, str, str]:
        """What it is sorted by: what blocks first, then the worst, then by place."""
        return (not self.failing, -self.severity, self.path, self.line, self.gate, self.rule)


def rows(report: Report) -> list[Row]:
    """Return all rows; what is waived is none, and a report without results is one."""
    found = [row for result in report.results for row in _of(result)]
    if not report.results:
        found.append(_unproven("failhard", NOTHING_JUDGED, "run `failhard check` on the project"))
    return sorted(found, key=lambda row: row.rank)


def _of(result: Result) -> list[Row]:
    found = [
        Row(
            gate=result.gate,
            rule=finding.rule,
            name=finding.name,
            path=finding.path,
            line=finding.line,
            severity=finding.severity,
            message=finding.message,
            fix=finding.fix,
            fingerprint=finding.fingerprint,
            failing=result.verdict is not Verdict.PASS,
        )
        for finding in result.findings
    ]
    if result.verdict is Verdict.ERROR:
        found.append(_unproven(result.gate, "; ".join(result.because), "; ".join(result.options[:1])))
    return found


def _unproven(gate: str, message: str, fix: str) -> Row:
    return Row(
        gate=gate,
        rule=f"{UNPROVEN}/{gate}",
        name=UNPROVEN,
        path="",
        line=0,
        severity=Severity.HIGH,
        message=f"{gate} could not judge: {message}",
        fix=fix,
        fingerprint=f"{UNPROVEN}/{gate}",
        failing=True,
    )
