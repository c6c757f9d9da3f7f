"""Judges a failure: it must end in time, say that it failed, give no result, and name its cause."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence

from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts.cause import clarity
from pytest_failhard.llm.verdicts.expectation import Expectation, provider
from pytest_failhard.llm.verdicts.fallbacks import claim, impostor, replaced, substitutes
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import finding
from pytest_failhard.llm.verdicts.search import Presence, masked
from pytest_failhard.llm.verdicts.shown import result_texts, shown
from pytest_failhard.model import Finding

SIMILAR = 0.9
"""difflib's ratio from which a text counts as a healthy result with other words in it."""
SIMILAR_CHARACTERS = 40
LETTERS_COMPARED, WORDS_COMPARED = 400, 1000
"""difflib takes seconds for thousands of letters: longer texts are compared by their first words."""
_TYPED = frozenset(("type", "code"))
_WRAPPED = ("error", "detail", "errors")
_DEPENDENCY = ("llm", "upstream", "provider", "model")
_CLARITY = {
    "mute": ("mute-failure", "failed without any text"),
    "vague": ("vague-error", "the failure's text names no cause"),
    "causeless": ("causeless-error", "the failure's text is the SDK's general one: its chain was dropped"),
}
_EMPTY: tuple[object, ...] = (None, "", [], {})


def fails_hard(
    attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation
) -> tuple[Finding, ...]:
    """Return what is wrong with a call that had to fail: in time, openly, without a result, with its cause.

    A result of a declared fallback is none of these.
    """
    others = substitutes(attempts, outcome, expectation)
    late = hang(attempts, outcome, expectation)
    if late:
        return (*others, *late)
    if not outcome.produced:
        return (*others, *failure(outcome, expectation))
    # A whole answer of an undeclared substitute is reported as that, once.
    asked = any(found.rule != "hard-coded-key" for found in others)
    whole = asked and shown(outcome, expectation).presence is Presence.FULL
    if whole or replaced(attempts, outcome, expectation):
        return others
    return (*others, impostor(attempts, outcome, expectation))


def hang(attempts: Sequence[Attempt], outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    """Return `hang` for a call that was still running at its deadline."""
    if outcome.ended and outcome.seconds <= expectation.deadline + expectation.beyond:
        return ()
    stated = {attempt.read_timeout or "none sent" for attempt in attempts if attempt.kind == "call"}
    limit = f"{expectation.deadline:g} s" + (" beyond the healthy run" if expectation.beyond else "")
    waits = ", ".join(sorted(stated)) or "no request seen"
    text = f"still running at the deadline ({limit}); killed. Client read timeout: {waits}"
    return (finding("hang", expectation.case, text),)


def failure(outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    """Return what is wrong with a call that failed: a result all the same, no cause, or no type."""
    return (*_results(outcome, expectation), *_cause(outcome, expectation), *_typed(outcome, expectation))


def explicit(outcome: Outcome, expectation: Expectation) -> bool:
    """Tell whether a call failed in time, openly and without a result, whatever it says."""
    late = not outcome.ended or outcome.seconds > expectation.deadline + expectation.beyond
    status = outcome.form != "route" or outcome.code in expectation.accepted_status
    return not (late or outcome.produced) and status and not _results(outcome, expectation)


def _results(outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    seen = shown(outcome, expectation).presence
    if seen is not Presence.NONE:
        text = f"{_failed(outcome)} and all the same the result holds words of the answer"
        return (finding("partial-answer", expectation.case, text),)
    reason = next(_likenesses(outcome, expectation), "")
    return (
        (finding("silent-fallback", expectation.case, f"{_failed(outcome)} and {reason}"),) if reason else ()
    )


def _likenesses(outcome: Outcome, expectation: Expectation) -> Iterator[str]:
    for path in sorted(expectation.result_files & outcome.files.keys()):
        yield f"all the same wrote its result {path}"
    for healthy in expectation.healthy:
        if _has_keys(outcome.streams.get("body", ""), healthy.streams.get("body", "")):
            yield "the body has all fields of a healthy answer"
        known = masked(healthy.result, (expectation.canaries, *expectation.earlier))
        texts = (
            masked(text, (expectation.canaries, *expectation.earlier))
            for text in result_texts(outcome, expectation)
        )
        if any(_similar(text, known) for text in texts):
            yield "the result is like that of a healthy run"


def _similar(text: str, known: str) -> bool:
    if min(len(text), len(known)) < SIMILAR_CHARACTERS:
        return False
    pair: tuple[Sequence[str], Sequence[str]] = (text, known)
    if max(len(text), len(known)) > LETTERS_COMPARED:
        pair = (text.split()[:WORDS_COMPARED], known.split()[:WORDS_COMPARED])
    matcher = difflib.SequenceMatcher(None, *pair, autojunk=False)
    return matcher.quick_ratio() >= SIMILAR and matcher.ratio() >= SIMILAR


def _has_keys(body: str, healthy: str) -> bool:
    fields, demanded = _object(body), _object(healthy)
    return bool(demanded) and all(fields.get(name) not in _EMPTY for name in demanded)


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _cause(outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    if outcome.form == "route" and outcome.code is None:
        text = "the service closed the connection without an answer"
        return (finding("mute-failure", expectation.case, text),)
    found = clarity(outcome, expectation)
    if found == "clear":
        return ()
    rule, what = _CLARITY[found]
    return (finding(rule, expectation.case, f"{_failed(outcome)}: {what}"),)


def _typed(outcome: Outcome, expectation: Expectation) -> tuple[Finding, ...]:
    if outcome.form != "route" or outcome.code is None:
        return ()
    wrong = []
    if outcome.code not in expectation.accepted_status:
        wrong.append(f"status {outcome.code} does not say that a dependency failed")
    types = _types(_object(outcome.streams.get("body", "")))
    if not any(_names_dependency(value, expectation) for value in types):
        wrong.append("no JSON error with a type or code that names the dependency")
    return (finding("untyped-error", expectation.case, "; ".join(wrong)),) if wrong else ()


def _types(body: dict[str, object]) -> Iterator[str]:
    for name, value in body.items():
        if name in _TYPED and isinstance(value, str):
            yield value
        if name in _WRAPPED:
            yield from (value,) if isinstance(value, str) else _nested(value)


def _nested(value: object) -> Iterator[str]:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, dict):
            yield from _types(item)


def _names_dependency(value: str, expectation: Expectation) -> bool:
    names = (*_DEPENDENCY, provider(expectation.dialect), *expectation.known_providers)
    return any(re.search(re.escape(name), value, re.IGNORECASE) for name in names)


def _failed(outcome: Outcome) -> str:
    if outcome.form == "callable" or outcome.code is None:
        return "raised" if outcome.chain else "failed"
    return f"failed with {claim(outcome)}"
