"""What of a case's answer an outcome shows, and in which of its texts that counts."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.search import Presence, holds_any, holds_number, holds_word, presence

SEPARATOR = "\0"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the texts of a result hold; `earlier` is the label of an earlier answer, empty for none."""

    presence: Presence
    poison: bool
    earlier: str


def result_texts(outcome: Outcome, expectation: Expectation) -> tuple[str, ...]:
    """Return the texts that count as a result: the declared one, stdout, the body, the result's files.

    A service's stdout is its log and holds the answers of other calls: it is none of them.
    """
    streams = ("body",) if outcome.form == "route" else ("stdout", "body")
    files = (
        data.decode("utf-8", "replace")
        for path, data in outcome.files.items()
        if path in expectation.result_files
    )
    return (outcome.result, *(outcome.streams.get(name, "") for name in streams), *files)


def shown(outcome: Outcome, expectation: Expectation) -> Shown:
    """Return what the outcome's results hold of this case's answer, of the fault, and of earlier answers."""
    text = SEPARATOR.join(result_texts(outcome, expectation))
    return Shown(
        presence=_presence(text, expectation),
        poison=holds_word(text, expectation.canaries.poison),
        earlier=holds_any(text, expectation.earlier),
    )


def answer(outcome: Outcome, expectation: Expectation) -> Presence:
    """Tell whether the declared result is this case's answer: only that one counts as success."""
    if expectation.canary == "choice":
        return Presence.FULL if outcome.result.strip() == expectation.choice else Presence.NONE
    return _presence(outcome.result, expectation)


def _presence(text: str, expectation: Expectation) -> Presence:
    """Tell how much is there; a value of a choice says nothing where it stands in other text."""
    if expectation.canary == "choice":
        return Presence.NONE
    if expectation.canary == "number":
        return Presence.FULL if holds_number(text, expectation.canaries.number) else Presence.NONE
    return presence(text, expectation.canaries)
