"""The readiness score: thirty statements about a system, each proved by behaviour, of which it holds some."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from pytest_failhard.figures import score_text

MEASURE = "readiness_score"
SCORECARD = "scorecard.json"
PASSED, FAILED, UNSEEN, ERROR, WAIVED, ABSENT = (
    *("passed", "failed", "not examined", "error", "waived"),
    "not applicable",
)

STATEMENTS: Mapping[str, str] = {
    "S1": "every import resolves in the clean environment",
    "S2": "it is ready in time",
    "S3": "it refuses to start without each secret",
    "S4": "the refusal names the secret",
    "S5": "the refusal comes within 10 s and with the port closed",
    "S6": "an unknown environment is refused",
    "V1": "it is not served by a development server",
    "V2": "no debugger answers",
    "V3": "requests are served side by side",
    "V4": "the configuration of the server is clean",
    "H1": "health answers 200",
    "H2": "readiness follows a dependency",
    "H3": "liveness is apart from readiness",
    "L1": "the declared routes succeed under load",
    "L2": "they do so in time",
    "L3": "health holds under load",
    "L4": "no worker dies",
    "G1": "no request is lost on SIGTERM",
    "G2": "it ends in time and with an allowed status",
    "G3": "nothing of it is left",
    "G4": "the container starts it in exec form",
    "F1": "no bad input ends in a 5xx",
    "F2": "limits and malformed input give a 4xx",
    "F3": "no answer holds a trace",
    "P1": "no secret appears anywhere",
    "P2": "every log line is JSON",
    "P3": "the request id comes back and is logged",
    "M1": "a failure of the model never ends in a 2xx",
    "M2": "every failure of the model gives a typed error",
    "D1": "the final stage of the container is clean",
}
NEEDS: Mapping[str, str] = {
    "S3": "secrets",
    "S4": "secrets",
    "H2": "dependencies",
    "M1": "llm",
    "M2": "llm",
}
"""Statement -> the trait without which there is nothing that could be proved."""
ONLY_WITH: Mapping[str, str] = {"L2": "L1"}
"""Statement -> the one without which it says nothing: errors are fast."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is known of one statement; `because` says why it does not count, empty where there is no more."""

    id: str
    says: str
    state: str
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a run knows of a system.

    `proved` holds what the checks examined, by statement. `absent` names the traits (`llm`) that the
    system was shown not to have, with the evidence. `errors` are the statements whose check ended in
    an error, with its text; `waived` those whose finding somebody has waived.
    """

    proved: Mapping[str, bool]
    traits: Collection[str] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    waived: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Score:
    """How many of the statements that apply are proved, and what became of each of the thirty."""

    statements: tuple[Statement, ...]

    @property
    def passed(self) -> int:
        """The number of statements that are proved."""
        return sum(each.state == PASSED for each in self.statements)

    @property
    def applicable(self) -> int:
        """The number of statements that could be proved of such a system."""
        return sum(each.state != ABSENT for each in self.statements)

    @property
    def value(self) -> Fraction:
        """The exact share, from 0 to 1."""
        return Fraction(self.passed, self.applicable)

    @property
    def text(self) -> str:
        """The score for a reader: `27/30 (90.0 %)`, the percentage rounded half up."""
        return score_text(self.passed, self.applicable)

    def named(self, state: str) -> tuple[str, ...]:
        """Return the ids of the statements in a state, in their order."""
        return tuple(each.id for each in self.statements if each.state == state)

    def scorecard(self) -> bytes:
        """Return the evidence: all statements with their states, equal bytes for equal knowledge."""
        content = {
            "score": self.text,
            "passed": self.passed,
            "applicable": self.applicable,
            "statements": {
                each.id: {
                    "says": each.says,
                    "state": each.state,
                    **({"because": each.because} if each.because else {}),
                }
                for each in self.statements
            },
        }
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def score(known: Known) -> Score:
    """Return the score of what is known; raises ValueError for a statement that there is not.

    A statement leaves only where the trait it is about was shown to be absent: what nobody looked for
    may be there. What is not examined, ended in an error or is waived stays, and is not passed.
    """
    named = {*known.proved, *known.errors, *known.waived}
    if strange := sorted(named - STATEMENTS.keys()):
        raise ValueError(f"no statement of the score is called {', '.join(strange)}")
    return Score(statements=tuple(_statement(name, known) for name in STATEMENTS))


def _statement(name: str, known: Known) -> Statement:
    state, because = _state(name, known)
    return Statement(id=name, says=STATEMENTS[name], state=state, because=because)


def _state(name: str, known: Known) -> tuple[str, str]:
    trait = NEEDS.get(name)
    if trait is not None and trait not in known.traits and trait in known.absent:
        return ABSENT, known.absent[trait]
    if name in known.errors:
        return ERROR, known.errors[name]
    if name in known.waived:
        return WAIVED, "what is accepted is not proved"
    return _proved(name, known)


def _proved(name: str, known: Known) -> tuple[str, str]:
    if name not in known.proved:
        return UNSEEN, "no check of this run examined it"
    if not known.proved[name]:
        return FAILED, ""
    first = ONLY_WITH.get(name)
    if first is not None and _state(first, known)[0] != PASSED:
        return FAILED, f"it counts only with {first}"
    return PASSED, ""
