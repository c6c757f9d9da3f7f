"""Sorts what was looked at into code, tests, examples, validation and documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.model import Finding, Result

CODE, TESTS, EXAMPLES = "code", "tests", "examples"
VALIDATION, DOCUMENTATION = "validation", "documentation"
GATES: Mapping[str, tuple[str, ...]] = {
    "tests": (TESTS,),
    "coverage": (TESTS,),
    # What is declared and written about a system is compared with it; then it is run by its examples.
    "system": (EXAMPLES, DOCUMENTATION),
    "llm": (EXAMPLES,),
    "performance": (EXAMPLES,),
    "integrity": (VALIDATION,),
    "provenance": (VALIDATION,),
}
"""All other gates read code, and what it is built and shipped from."""
NAMES = (CODE, TESTS, EXAMPLES, VALIDATION, DOCUMENTATION)
ABOUT_DOCUMENTS = "R0-"


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of what was judged: the gates that looked at it and how many findings stand there."""

    name: str
    results: tuple[Result, ...]
    findings: int


def sections(results: Iterable[Result]) -> tuple[Section, ...]:
    """Return all five, in their order; one that no gate looked at has no results."""
    judged = tuple(results)
    return tuple(_section(name, [each for each in judged if name in _of(each)]) for name in NAMES)


def _of(result: Result) -> tuple[str, ...]:
    return GATES.get(result.gate, (CODE,))


def _section(name: str, results: Sequence[Result]) -> Section:
    counted = sum(_belongs(finding, name, result) for result in results for finding in result.findings)
    return Section(name=name, results=tuple(results), findings=counted)


def _belongs(finding: Finding, name: str, result: Result) -> bool:
    return DOCUMENTATION not in _of(result) or finding.rule.startswith(ABOUT_DOCUMENTS) == (
        name == DOCUMENTATION
    )
