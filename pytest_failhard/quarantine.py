"""Tests and cases whose answers are not to be relied on, as lines of `quarantine.jsonl`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from pytest_failhard.history import Digest, Gate, Line, RunLine, Words, malformed, shortened
from pytest_failhard.model import Finding, Result, Verdict
from pytest_failhard.remembered import Quarantined
from pytest_failhard.store.journal import Journal

NAME = "quarantine"
SCHEMA: Literal["failhard-quarantine/1"] = "failhard-quarantine/1"
TESTS = "tests"
LLM = "llm"
ID_DIGITS = 12
MOST_TESTS = 100
"""Where more tests fail at once, something is broken that they share: none of them is called flaky for it."""
MOST_NEW = 20
MOST_CHARACTERS = 400
FLAKY = "flaky-test"
TEST_FINDINGS = frozenset({FLAKY, "test-failed", "test-error"})
TEST_MEASURES = frozenset({"failed", "errors", "flaky"})
Kind = Literal["json_parse_error", "unknown_ids", "schema_mismatch", "timeout", "flaky_test", "validation"]

_PHASE = re.compile(r" (setup|teardown)$")
UNJUDGED: dict[str, Kind] = {
    "ledger-incomplete": "json_parse_error",
    "unknown-route": "unknown_ids",
    "timeout": "timeout",
    "cannot-run": "validation",
    "injection-not-exercised": "validation",
    "llm-not-used": "validation",
    "load-too-small": "validation",
    "no-fire": "validation",
    "worker-lost": "validation",
}
"""The reasons of the gate `llm` that speak of a case, and what kind of trouble each is."""
TOLD: dict[str, Kind] = {
    "unreadable answer": "json_parse_error",
    "JSON Schema": "schema_mismatch",
    "is not ready after": "timeout",
    "not finished after": "timeout",
    "still running when": "timeout",
}
"""What a message says of a case that could not be run, behind the case's name."""


class Entry(Line):
    """One line. `report` is the digest of the report in which it was seen, `excerpt` what that said."""

    form: Literal["failhard-quarantine/1"] = Field(default=SCHEMA, alias="schema")
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    kind: Kind
    gate: Gate
    subject: Words
    reason: Words
    owner: Words
    since: date
    expires: date
    report: Digest
    excerpt: Words

    def quarantined(self) -> Quarantined:
        """Return what a report says of it."""
        return Quarantined(
            id=self.id,
            kind=self.kind,
            gate=self.gate,
            subject=self.subject,
            reason=self.reason,
            owner=self.owner,
            since=self.since,
            expires=self.expires,
        )


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An entry and where it stands."""

    file: str
    number: int
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """All entries, oldest first; `notes` name the lines that are none."""

    listed: tuple[Listed, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> dict[str, Quarantined]:
        """Return the entries by id."""
        return {each.entry.id: each.entry.quarantined() for each in self.listed}


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is to be quarantined, before anybody answers for it."""

    kind: Kind
    gate: str
    subject: str
    reason: str
    excerpt: str

    @property
    def id(self) -> str:
        """Return what names it in every run: its kind, gate and subject."""
        identity = "\0".join((self.kind, self.gate, self.subject))
        return hashlib.sha256(identity.encode()).hexdigest()[:ID_DIGITS]


def read(journal: Journal) -> Quarantine:
    """Read all entries; raises JournalError. A line that is none is named and stays as it is."""
    listed: list[Listed] = []
    notes: list[str] = []
    for file, number, text in journal.read():
        try:
            listed.append(Listed(file=file, number=number, entry=Entry.model_validate_json(text)))
        except ValidationError as error:
            notes.append(malformed(file, number, error))
    return Quarantine(listed=tuple(listed), notes=tuple(shortened(notes)))


def failed_tests(results: Iterable[Result]) -> tuple[str, ...] | None:
    """Return the node ids of the tests that failed; None where not all ran, or too many failed."""
    result = next((each for each in results if each.gate == TESTS), None)
    if result is None or result.verdict is Verdict.ERROR:
        return None
    names = sorted({nodeid(each)[:MOST_CHARACTERS] for each in result.findings if each.name in TEST_FINDINGS})
    return tuple(names) if len(names) <= MOST_TESTS else None


def nodeid(finding: Finding) -> str:
    """Return the node id of the test that a finding of the gate `tests` speaks of."""
    return _PHASE.sub("", finding.anchor)


def troubles(results: Sequence[Result], now: RunLine, runs: Iterable[RunLine]) -> tuple[Trouble, ...]:
    """Return what this run gives reason to quarantine: flaky tests, and cases that nobody could judge.

    A test is flaky where its outcomes differ within the run, or from those of an earlier run over the same
    files and packages.
    """
    found: dict[str, Trouble] = {}
    for trouble in (*_within(results), *_between(now, runs), *_unjudged(results)):
        found.setdefault(trouble.id, trouble)
    return tuple(found.values())


def _within(results: Iterable[Result]) -> Iterator[Trouble]:
    for result in results:
        for finding in result.findings if result.gate == TESTS else ():
            if finding.name == FLAKY:
                reason = "its outcomes differ within one run"
                yield _trouble("flaky_test", TESTS, nodeid(finding), reason, finding.message)


def _between(now: RunLine, runs: Iterable[RunLine]) -> Iterator[Trouble]:
    if now.failed is None:
        return
    for run in runs:
        if run.failed is None or (run.tree, run.packages) != (now.tree, now.packages):
            continue
        for name in sorted({*run.failed} ^ {*now.failed}):
            verb = "failed" if name in now.failed else "did not fail"
            reason = f"over the same files and packages it {verb} now, and otherwise in the run of {run.at}"
            yield _trouble("flaky_test", TESTS, name, reason, f"reports {run.report} and {now.report}")


def _unjudged(results: Iterable[Result]) -> Iterator[Trouble]:
    for result in results:
        if result.gate != LLM or result.verdict is not Verdict.ERROR or result.fixable == "outside":
            continue
        for line in "\n".join(result.because).splitlines():
            reason, _, rest = line.partition(": ")
            named, _, said = rest.partition(": ")
            subject = named if reason != "timeout" else "all cases"
            if reason in UNJUDGED and subject:
                kind = next((kind for words, kind in TOLD.items() if words in said), UNJUDGED[reason])
                yield _trouble(kind, LLM, subject, f"could not be judged: {reason}", line)


def _trouble(kind: Kind, gate: str, subject: str, reason: str, excerpt: str) -> Trouble:
    return Trouble(
        kind=kind,
        gate=gate,
        subject=subject[:MOST_CHARACTERS],
        reason=reason,
        excerpt=excerpt[:MOST_CHARACTERS],
    )


def unquarantined(gate: str, findings: Iterable[Finding], held: Iterable[Quarantined]) -> tuple[Finding, ...]:
    """Return the failing findings of a gate that no quarantined test explains.

    What counts those tests goes with them, where nothing else is left.
    """
    names = {each.subject for each in held if each.kind == "flaky_test"}
    if gate != TESTS or not names:
        return tuple(findings)
    rest = [
        each
        for each in findings
        if each.name not in TEST_FINDINGS or nodeid(each)[:MOST_CHARACTERS] not in names
    ]
    others = [each for each in rest if each.name not in TEST_MEASURES]
    return tuple(rest if others else ())
