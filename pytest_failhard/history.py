"""The runs and decisions so far, as lines of `history.jsonl`: read strictly, added to, never rewritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pytest_failhard.attempts import MOST, Judged, Ran
from pytest_failhard.remembered import Decision
from pytest_failhard.store.journal import Journal

if TYPE_CHECKING:
    from pytest_failhard.model import Rule

NAME = "history"
SCHEMA: Literal["failhard-history/1"] = "failhard-history/1"
MOST_NAMED = 3
RULE_DIGITS = 12
Gate = Annotated[str, Field(min_length=1, max_length=200)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")]
Words = Annotated[str, Field(max_length=400)]
Moment = Annotated[str, Field(max_length=40)]


class Line(BaseModel):
    """What all lines of ours share: nothing unknown, nothing converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class JudgedPart(Line):
    """One gate in one run."""

    verdict: Literal["pass", "fail", "error"]
    counts: bool = True
    fingerprint: Digest = ""
    most: int = Field(default=MOST, ge=1, le=100)
    why: Words = ""


class RunLine(Line):
    """A finished run. `failed` are the tests that failed, None where that is not known."""

    form: Literal["failhard-history/1"] = Field(default=SCHEMA, alias="schema")
    kind: Literal["run"] = "run"
    at: Moment
    commit: Digest
    dirty: bool
    tree: Digest
    packages: Digest
    level: int = Field(ge=1, le=4)
    policy: Digest
    rules: dict[Gate, Digest]
    complete: bool
    verdict: Literal["pass", "fail", "error"]
    report: Digest
    gates: dict[Gate, JudgedPart]
    failed: tuple[Words, ...] | None = None

    def ran(self) -> Ran:
        """Return what the counting needs of it."""
        return Ran(
            at=self.at,
            commit=self.commit,
            tree=self.tree,
            passed=self.complete and self.verdict == "pass",
            gates={
                name: Judged(
                    passed=part.verdict == "pass",
                    counts=part.counts,
                    fingerprint=part.fingerprint,
                    most=part.most,
                    why=part.why,
                )
                for name, part in self.gates.items()
            },
        )


class DecisionLine(Line):
    """A person's decision; `attempts` are those that had been made."""

    form: Literal["failhard-history/1"] = Field(default=SCHEMA, alias="schema")
    kind: Literal["decision"] = "decision"
    at: Moment
    gate: Gate
    choice: Words
    reason: Words
    owner: Words
    expires: date | None = None
    ref: Words = ""
    attempts: int = Field(default=0, ge=0)

    def decision(self) -> Decision:
        """Return what the counting and the reports need of it."""
        return Decision(
            gate=self.gate,
            choice=self.choice,
            reason=self.reason,
            owner=self.owner,
            at=self.at,
            expires=self.expires,
            ref=self.ref,
        )


_LINE: TypeAdapter[RunLine | DecisionLine] = TypeAdapter(
    Annotated[RunLine | DecisionLine, Field(discriminator="kind")]
)


@dataclass(frozen=True, kw_only=True)
class History:
    """What the file says, oldest first; `notes` name the lines that say nothing."""

    lines: tuple[RunLine | DecisionLine, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[RunLine, ...]:
        """Return the runs."""
        return tuple(line for line in self.lines if isinstance(line, RunLine))

    @property
    def entries(self) -> tuple[Ran | Decision, ...]:
        """Return what is counted over."""
        return tuple(line.ran() if isinstance(line, RunLine) else line.decision() for line in self.lines)

    @property
    def recent(self) -> tuple[Decision, ...]:
        """Return the decisions since the last run that passed whole, newest last."""
        found: list[Decision] = []
        for line in self.lines:
            if isinstance(line, DecisionLine):
                found.append(line.decision())
            elif line.ran().passed:
                found.clear()
        return tuple(found)


def read(journal: Journal) -> History:
    """Read all lines; raises JournalError where the file cannot be read.

    A malformed line counts for nothing and is named; the file stays as it is.
    """
    lines: list[RunLine | DecisionLine] = []
    notes: list[str] = []
    for file, number, text in journal.read():
        if not text.endswith(b"\n"):
            notes.append(f"{file}: its last line was cut off while it was written; it does not count")
            continue
        try:
            lines.append(_LINE.validate_json(text))
        except ValidationError as error:
            notes.append(malformed(file, number, error))
    return History(lines=tuple(lines), notes=tuple(shortened(notes)))


def malformed(file: str, number: int, error: ValidationError) -> str:
    """Say what is wrong with a line, its content left out."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return (
        f"{file}: line {number} is malformed ({place + ': ' if place else ''}{first['msg']}); "
        "it does not count, and stays as it is"
    )


def shortened(notes: Sequence[str]) -> list[str]:
    """Return the first notes, and how many more there are."""
    more = len(notes) - MOST_NAMED
    return [*notes[:MOST_NAMED], *([f"and {more} more such lines"] if more > 0 else [])]


def dumped(line: Line) -> bytes:
    """Return a line as it stands in the file, without its line break."""
    return line.model_dump_json(by_alias=True).encode()


def rule_digest(rule: Rule) -> str:
    """Return the first digits of the SHA-256 of all that a rule demands."""
    text = json.dumps(asdict(rule), sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:RULE_DIGITS]


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    return str(value) if isinstance(value, date | Fraction) else repr(value)


def changes(before: RunLine, level: int, policy: str, rules: Mapping[str, str]) -> str:
    """Say what is demanded otherwise than in an earlier run, and of which gates; nothing where nothing is."""
    if (before.level, before.policy) == (level, policy):
        return ""
    what = (
        f"the level changed from {before.level} to {level}"
        if before.level != level
        else "the policy changed at the same level"
    )
    groups = {
        "new": rules.keys() - before.rules.keys(),
        "no longer demanded": before.rules.keys() - rules.keys(),
        "other terms": {
            name for name in rules.keys() & before.rules.keys() if rules[name] != before.rules[name]
        },
    }
    said = "; ".join(f"{name}: {', '.join(sorted(gates))}" for name, gates in groups.items() if gates)
    return f"{what} since the run of {before.at} ({said or 'no gate has other terms'})"
