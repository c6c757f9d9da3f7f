"""Recognises an answer that came from somewhere else than the provider that failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pytest_failhard.leakage import leaks
from pytest_failhard.llm.catalogue import Fault, Form
from pytest_failhard.llm.labels import FOREIGN, Labels
from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts.expectation import Expectation, Fallback, Trial, provider
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import finding
from pytest_failhard.llm.verdicts.search import Presence, masked
from pytest_failhard.llm.verdicts.shown import answer, shown
from pytest_failhard.model import Finding

CONFIGURATION_FAULTS = frozenset(
    (
        "missing_key",
        "invalid_key",
        "revoked_key",
        "wrong_org",
        "no_permission",
        "region",
        "model_not_found",
        "gateway_unauthorised",
    )
)
"""Faults of authorisation and configuration: a fallback would only hide that someone must act."""
CONFIGURATION_STATUS = frozenset((401, 403, 404))
EXCERPT_CHARACTERS = 80
EMBEDDINGS = "embedding"
POINTER = "json:"


@dataclass(frozen=True, kw_only=True)
class Substitution:
    """A request that stands in for a failed one: which rule it meets and which entry allows it, if any."""

    rule: str
    attempt: Attempt
    allowed: Fallback | None


def substitutions(attempts: Sequence[Attempt], expectation: Expectation) -> tuple[Substitution, ...]:
    """Return the requests to another provider, and those that repeat a failed one with another model."""
    asked = tuple(attempt for attempt in attempts if attempt.kind == "call")
    failed = tuple(attempt for attempt in asked if attempt.fault)
    return tuple(_substitutions(asked, failed, expectation))


def substitutes(
    attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation
) -> tuple[Finding, ...]:
    """Return `provider-fallback`, `model-downgrade` and `hard-coded-key`.

    A declared fallback is legal where the fault is one of its triggers, the substitute is another model of
    the same kind, and a result of it names the producer.
    """
    findings = []
    for found in substitutions(attempts, expectation):
        producer = f"{provider(found.attempt.dialect)}:{found.attempt.model}"
        if found.allowed is None:
            findings.append(
                finding(found.rule, expectation.case, f"after the fault the system asked {producer}")
            )
        elif outcome.produced and not attributed(outcome, found.allowed):
            text = f"the answer does not name its producer {producer} at {found.allowed.attribution}"
            findings.append(finding(found.rule, expectation.case, text))
    if any(attempt.key == FOREIGN for attempt in attempts):
        text = "a request carried a key that is not in the environment"
        findings.append(finding("hard-coded-key", expectation.case, text))
    return tuple(dict.fromkeys(findings))


def replaced(attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation) -> bool:
    """Tell whether the result is a declared substitute's: whole, and with its producer named."""
    allowed = [found.allowed for found in substitutions(attempts, expectation)]
    if not allowed or answer(outcome, expectation) is not Presence.FULL:
        return False
    return all(entry is not None and attributed(outcome, entry) for entry in allowed)


def impostor(attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation) -> Finding:
    """Return the finding for a result that is claimed under a fault: which one depends on what it holds."""
    seen = shown(outcome, expectation)
    rule, what = _impostor(seen.poison, seen.earlier, seen.presence)
    return finding(
        rule, expectation.case, f"{claim(outcome)} {what}. {evidence(attempts, outcome, expectation)}"
    )


def claim(outcome: Outcome) -> str:
    """Return how the system says that all is well."""
    if outcome.form == "callable" or outcome.code is None:
        return "returned"
    return f"exit {outcome.code}" if outcome.form == "command" else f"status {outcome.code}"


def evidence(attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation) -> str:
    """Return the result, canaries by label, with the number of attempts and the provider's request ids."""
    ids = ", ".join(attempt.request_id for attempt in attempts if attempt.request_id) or "none"
    asked = sum(attempt.kind == "call" for attempt in attempts)
    return f'Result: "{excerpt(outcome.result, expectation)}" Attempts: {asked}. request ids: {ids}'


def excerpt(result: str, expectation: Expectation) -> str:
    """Return the beginning of a text, canaries by label, fit for a message."""
    known = (expectation.canaries, *expectation.earlier)
    text = " ".join(Labels(known).clean(masked(result, known)).split())[:EXCERPT_CHARACTERS]
    leaked = any(leaks(text, each.keys) for each in known)
    return "(withheld: it holds a key)" if leaked else text


def attributed(outcome: Outcome, entry: Fallback) -> bool:
    """Tell whether the answer names the substitute at the declared place."""
    model = entry.target.partition(":")[2]
    named = (value for value in said_at(outcome, entry.attribution) if isinstance(value, str))
    return bool(model) and any(model in value for value in named)


def said_at(outcome: Outcome, where: str) -> tuple[object, ...]:
    """Return what each text of an answer holds at a place (`json:` and a JSON pointer); numbers are exact."""
    texts = (outcome.streams.get("body", ""), outcome.result, outcome.streams.get("stdout", ""))
    return tuple(_at(text, where) for text in texts)


def unexercised(fallbacks: Iterable[Fallback], trials: Sequence[Trial]) -> tuple[Finding, ...]:
    """Return `unexercised-fallback` for each declared fallback that no case used."""
    used = {
        found.allowed
        for trial in trials
        for found in substitutions(trial.attempts, trial.expectation)
        if found.allowed is not None
    }
    return tuple(
        finding("unexercised-fallback", f"{entry.source} -> {entry.target}", "no case used this fallback")
        for entry in fallbacks
        if entry not in used
    )


def _impostor(poison: bool, earlier: str, presence: Presence) -> tuple[str, str]:
    if poison:
        return "garbage-answer", "with the text of the fault in the result"
    if earlier:
        return "stale-answer", f"with the answer of {earlier}: the system kept it and passed it off as new"
    if presence is Presence.PARTIAL:
        text = "with a part of the answer: the answer has the head of the stream and not its tail"
        return "partial-answer", text
    if presence is Presence.FULL:
        return "garbage-answer", "with an answer that the fault had made invalid"
    return "silent-fallback", "without the canary: the system answered although the provider did not"


def _substitutions(
    asked: Sequence[Attempt], failed: Sequence[Attempt], expectation: Expectation
) -> Iterator[Substitution]:
    for attempt in asked:
        rule = _rule(attempt, failed, expectation)
        if rule:
            allowed = _allowed(attempt, failed, expectation)
            yield Substitution(rule=rule, attempt=attempt, allowed=allowed)


def _rule(attempt: Attempt, failed: Sequence[Attempt], expectation: Expectation) -> str:
    if provider(attempt.dialect) not in expectation.known_providers:
        return "provider-fallback"
    repeated = [
        earlier.model
        for earlier in failed
        if earlier.number < attempt.number
        and earlier.route == attempt.route
        and earlier.body_without_model_sha256 == attempt.body_without_model_sha256
    ]
    # The first model, asked again after its substitute failed, is a substitute of nothing.
    return "model-downgrade" if repeated and repeated[0] != attempt.model else ""


def _allowed(attempt: Attempt, failed: Sequence[Attempt], expectation: Expectation) -> Fallback | None:
    if expectation.fault is None or _configuration(expectation.fault, expectation.form):
        return None
    target = f"{provider(attempt.dialect)}:{attempt.model}"
    for entry in expectation.fallbacks:
        meant = expectation.fault.id in entry.on and entry.source != target == entry.target
        if meant and _from(entry, attempt, failed, expectation):
            return entry
    return None


def _from(entry: Fallback, attempt: Attempt, failed: Sequence[Attempt], expectation: Expectation) -> bool:
    """Tell whether the entry starts at what failed. A refused connection leaves no request to compare."""
    if not failed:
        return entry.source.partition(":")[0] == provider(expectation.dialect)
    return any(
        entry.source == f"{provider(earlier.dialect)}:{earlier.model}"
        and (EMBEDDINGS in earlier.route) == (EMBEDDINGS in attempt.route)
        for earlier in failed
    )


def _configuration(fault: Fault, form: Form | None) -> bool:
    refused = form is not None and form.status in CONFIGURATION_STATUS
    return refused or fault.id in CONFIGURATION_FAULTS


def _at(text: str, where: str) -> object:
    """Return what stands at a JSON pointer (RFC 6901), None where nothing does."""
    if not where.startswith(POINTER):
        return None
    try:
        value: object = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        return None
    for step in where.removeprefix(POINTER).split("/")[1:]:
        value = _step(value, step.replace("~1", "/").replace("~0", "~"))
    return value


def _step(value: object, name: str) -> object:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return None
