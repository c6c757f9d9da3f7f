"""Reads from the last report and its evidence what fails, exactly and without any baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_failhard import config, judge, plan, policy
from pytest_failhard.cli import recheck
from pytest_failhard.gates import builtin
from pytest_failhard.model import GateError, Verdict
from pytest_failhard.report import document as documents
from pytest_failhard.report import waivers as waiver_lists
from pytest_failhard.report.document import DocumentError
from pytest_failhard.store import EVIDENCE, REPORT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from fractions import Fraction
    from pathlib import Path

    from pytest_failhard.judge import Judged
    from pytest_failhard.model import Finding, Policy, Rule, Waiver
    from pytest_failhard.report.document import Document, GatePart

AGAIN = "run `failhard check` again"


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a gate that could look found: everything, what of it fails, and its exact measures."""

    id: str
    rule: Rule
    found: tuple[Finding, ...]
    failing: tuple[Judged, ...]
    measures: Mapping[str, int | Fraction]
    volatile: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The last report: its level, the gates that could look, the ids of those that could not."""

    level: int
    gates: tuple[Looked, ...]
    errors: tuple[str, ...]


def read(folder: Path, root: Path, level: int | None, policy_file: Path | None) -> Standing:
    """Return what stands in the last report of a project.

    Raises GateError where it cannot be used (absent, edited, of another commit, level or policy),
    PolicyError and ConfigError.
    """
    document = _document(folder)
    known = {*(gate.id for gate in builtin()), *(part.id for part in document.gates)}
    day = document.volatile.judged_on
    terms = policy.load(document.level, known, policy_file, today=day)
    wrong = [*_wrong(document, level, terms), *_moved(document, root), *recheck.files(folder, document)]
    if wrong:
        raise GateError("\n".join(wrong))
    evidence = folder / EVIDENCE
    waivers = waiver_lists.load((evidence / recheck.RUN / recheck.WAIVERS).read_bytes())
    rules = {rule.gate: rule for rule in terms.rules}
    errors = [part.id for part in document.gates if part.verdict == Verdict.ERROR.value]
    looked = [
        _looked(evidence, document, part, rules[part.id], waivers, day)
        for part in document.gates
        if part.id not in errors
    ]
    return Standing(level=document.level, gates=tuple(looked), errors=tuple(errors))


def _document(folder: Path) -> Document:
    try:
        return documents.load((folder / REPORT).read_bytes())
    except OSError as error:
        raise GateError(f"{folder / REPORT}: {error.strerror}; run `failhard check` first") from None
    except DocumentError as error:
        raise GateError(f"{folder / REPORT}: is no report: {error}; {AGAIN}") from None


def _wrong(document: Document, level: int | None, terms: Policy) -> Iterator[str]:
    if documents.digest(document) != document.digest:
        yield f"the report was edited after it was written; {AGAIN}"
    if level is not None and level != document.level:
        yield f"the report is of level {document.level}; run `failhard check --level {level}` first"
    if document.policy.sha256 != terms.sha256:
        yield f"the report was judged by the policy {document.policy.name}; give its file with --policy"


def _moved(document: Document, root: Path) -> Iterator[str]:
    now, _ = plan.facts(root, config.load(root))
    if now.commit != document.project.commit:
        here, there = (commit or "none" for commit in (now.commit, document.project.commit))
        yield f"the report is of commit {there}, not of {here}; {AGAIN}"


def _looked(
    evidence: Path,
    document: Document,
    part: GatePart,
    rule: Rule,
    waivers: tuple[Waiver, ...],
    day: date,
) -> Looked:
    seen = recheck.observed(evidence, part, document.volatile.evidence.get(part.id, ()))
    if seen is None:
        raise GateError(f"{part.id}: the report has no observation of it; {AGAIN}")
    mine = [waiver for waiver in waivers if waiver.gate == part.id]
    failing = judge.failures(rule, seen, mine, day)
    breaches = (each.finding for each in judge.failures(rule, seen, (), day) if each.measure is not None)
    return Looked(
        id=part.id,
        rule=rule,
        found=(*seen.findings, *breaches),
        failing=failing,
        measures=seen.measures,
        volatile=seen.volatile,
    )
