"""Judges what came out of a system: no key in any form, no personal text in a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_failhard.leakage import leaks
from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import finding
from pytest_failhard.llm.verdicts.search import holds_word
from pytest_failhard.model import Finding, Severity

IDENTIFIERS = frozenset(("AWS_ACCESS_KEY_ID",))
"""Keys that are no secret by themselves: without the other half they open nothing."""
LOGS = ("log", "stderr")


def no_secret_leak(
    _attempts: Sequence[Attempt],
    outcome: Outcome,
    expectation: Expectation,
) -> tuple[Finding, ...]:
    """Return `leaked-key` for the case's keys in anything that came out, `leaked-prompt` for logs."""
    places = dict(_places(outcome, _keys(expectation)))
    findings = []
    if places:
        only_identifiers = all(name in IDENTIFIERS for name, _ in places)
        text = "; ".join(places.values())
        severity = Severity.LOW if only_identifiers else None
        findings.append(finding("leaked-key", expectation.case, text, severity=severity))
    logs = [name for name in LOGS if holds_word(outcome.streams.get(name, ""), expectation.personal)]
    if logs:
        text = f"text of the prompt that is marked as personal found in {', '.join(logs)}"
        findings.append(finding("leaked-prompt", expectation.case, text))
    return tuple(findings)


def _keys(expectation: Expectation) -> Mapping[str, str]:
    known = (*expectation.earlier, expectation.canaries)
    return {f"{each.label}\0{name}": key for each in known for name, key in each.keys.items()}


def _places(outcome: Outcome, keys: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield each key's variable with each place where it was found."""
    for place, text in _texts(outcome):
        for leak in leaks(text, keys):
            name = leak.key.partition("\0")[2]
            line = f", line {leak.line}" if leak.line else ""
            yield (name, place), f"key[{name}] found in {place}{line}"


def _texts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    yield from sorted(outcome.streams.items())
    yield "result", outcome.result
    yield "exception", "\n".join(f"{link.type}: {link.text}" for link in outcome.chain)
    for path, data in sorted(outcome.files.items()):
        yield path, data.decode("utf-8", "replace")
