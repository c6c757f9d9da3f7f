"""Which findings of a result make it fail: for whoever tells two failures apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.model import Finding, Result, Rule


def failing(rule: Rule, result: Result) -> tuple[Finding, ...]:
    """Return the findings that reach the rule's severity, or say that a measure is out of bounds."""
    return tuple(finding for finding in result.findings if _fails(finding, rule))


def _fails(finding: Finding, rule: Rule) -> bool:
    is_measure = not finding.path and finding.anchor in {*rule.at_least, *rule.at_most}
    return is_measure or (rule.fail_at is not None and finding.severity >= rule.fail_at)
