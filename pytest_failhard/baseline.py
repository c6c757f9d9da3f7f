"""Reads and writes `failhard-baseline.json`: what was there before anybody asked, and who answers for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from pytest_failhard.model import BASELINE_FILE, Frozen, GateError
from pytest_failhard.strict import mistakes, suggestion
from pytest_failhard.waivers import Day, Exact, Fingerprint, Person, Reason

FILE = BASELINE_FILE
SCHEMA = "failhard-baseline/1"
UPDATE = "failhard baseline --update"
LEVELS = (1, 2, 3)
"""Where frozen findings count: production has no stock."""

Key = tuple[str, str, str, str]


class BaselineError(GateError):
    """The file cannot be used. `mistakes` holds all of them, each with place and remedy."""

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__("\n".join(found))
        self.mistakes = tuple(found)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A place of a rule that has a stock: where it was when it was noted, why it may stay, who says so."""

    path: str
    reason: str
    owner: str


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """`rules`: the stock of the ratchet, rule name -> fingerprint -> entry; `frozen`: what is let through."""

    rules: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    frozen: tuple[Frozen, ...] = ()

    def holds(self, rule: str, fingerprint: str) -> bool:
        """Tell whether a place of a rule is noted."""
        return fingerprint in self.rules.get(rule, {})


def parse(data: bytes, where: str = FILE, *, is_digested: bool = True) -> Baseline:
    """Return the baseline in a document; raises BaselineError with all mistakes.

    A file with frozen findings holds its own digest. The plan of a run checks it; `is_digested` false reads
    one that was edited, as by a merge.
    """
    document = _read(data, where)
    found = [f"{where}: {each}" for each in _repeated(document.findings)]
    frozen = tuple(sorted(map(_frozen, document.findings), key=_order))
    made = Baseline(rules=_rules(document.rules), frozen=frozen)
    if is_digested and frozen and document.digest != digest(made):
        found.append(f"{where}: digest: the entries were edited by hand or by a merge; {UPDATE} mends it")
    if found:
        raise BaselineError(found)
    return made


def dump(baseline: Baseline) -> bytes:
    """Return the document: sorted, a line an entry's key, LF, so that a change of it can be reviewed."""
    content = _content(baseline)
    if baseline.frozen:
        content["digest"] = digest(baseline)
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def digest(baseline: Baseline) -> str:
    """Return the SHA-256 of all that stands in the file beside it, in hex."""
    text = json.dumps(_content(baseline), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def key(entry: Frozen) -> Key:
    """Return what an entry is of; the rest says why, and how bad it may be."""
    return (entry.gate, entry.rule, entry.path, entry.fingerprint)


def unknown(frozen: Iterable[Frozen], gates: Collection[str]) -> list[str]:
    """Return a mistake for each gate that is named and does not exist."""
    named = sorted({entry.gate for entry in frozen} - {*gates})
    return [f"{FILE}: findings: unknown gate {name}{suggestion(name, gates)}" for name in named]


def approved(head: Iterable[Frozen], base: Iterable[Frozen]) -> tuple[tuple[Frozen, ...], tuple[Frozen, ...]]:
    """Return what both sides have, a measure at its better value; and what only the change has."""
    before = {key(entry): entry for entry in base}
    shared = [(entry, before[key(entry)]) for entry in head if key(entry) in before]
    grown = tuple(entry for entry in head if key(entry) not in before)
    return tuple(stricter(*both) for both in shared), grown


def of_base(text: bytes | None) -> tuple[Frozen, ...]:
    """Return what a merge base had frozen: one that cannot be read approved nothing."""
    try:
        return parse(text, is_digested=False).frozen if text is not None else ()
    except BaselineError:
        return ()


def pending_notes(grown: Collection[Frozen]) -> list[str]:
    """Say that what only the change has frozen does not count yet."""
    if not grown:
        return []
    gates = ", ".join(sorted({entry.gate for entry in grown}))
    return [f"pending approval: what {FILE} adds ({gates}: {len(grown)}) counts once the merge base has it"]


def stricter(entry: Frozen, other: Frozen) -> Frozen:
    """Return the entry that lets less through; where only one has a value, or a side differs, the other's."""
    if entry.value is None or other.value is None or entry.ceiling is not other.ceiling:
        return other
    better = min if entry.ceiling else max
    return replace(entry, value=better(entry.value, other.value))


def looser(entry: Frozen, other: Frozen) -> bool:
    """Tell whether the first entry lets something through that the second does not."""
    return stricter(entry, other).value != entry.value or entry.ceiling is not other.ceiling


def _fraction(value: object) -> int | Fraction:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        above, _, below = value.partition("/")
        if above.isdecimal() and below.isdecimal() and int(below):
            return Fraction(int(above), int(below))
    raise ValueError(f'must be a whole number or a fraction, as "331/6" (it is {value!r})')


def _said(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


Measure = Annotated[int | Fraction | None, PlainValidator(_fraction)]
Said = Annotated[str, AfterValidator(_said)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class _Place(_Table):
    path: Said
    reason: Said
    owner: Said


class _Finding(_Table):
    gate: Exact
    rule: Exact
    path: str
    fingerprint: Fingerprint
    reason: Reason
    owner: Person
    date: Day
    at_least: Measure = None
    at_most: Measure = None


class _Document(_Table):
    schema_: Literal["failhard-baseline/1"] = Field(alias="schema")
    rules: dict[str, dict[Fingerprint, _Place]] = {}
    findings: list[_Finding] = []
    digest: str = ""


_KEYS = {"schema", "rules", "findings", "digest", *_Place.model_fields, *_Finding.model_fields}


def _read(data: bytes, where: str) -> _Document:
    try:
        content = json.loads(data, object_pairs_hook=_once)
        # Half of a character has no bytes to be digested.
        json.dumps(content, ensure_ascii=False).encode()
        return _Document.model_validate(content)
    except ValidationError as error:
        raise BaselineError(mistakes(error, f"{where}: ", _KEYS)) from None
    except (ValueError, RecursionError) as error:
        raise BaselineError([f"{where}: is no JSON: {error}; take it from git again"]) from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [name for name, _ in pairs]
    if repeated := sorted({name for name in keys if keys.count(name) > 1}):
        raise ValueError(f"repeated key {', '.join(repeated)}")
    return dict(pairs)


def _repeated(entries: Sequence[_Finding]) -> Iterator[str]:
    first: dict[Key, int] = {}
    for index, entry in enumerate(entries):
        place = (entry.gate, entry.rule, entry.path, entry.fingerprint)
        if place in first:
            yield f"findings[{index}]: is of the same finding as findings[{first[place]}]; keep one"
        first.setdefault(place, index)
        if entry.at_least is not None and entry.at_most is not None:
            yield f"findings[{index}]: has at_least and at_most; a measure has one of them"


def _order(entry: Frozen) -> Key:
    return key(entry)


def _frozen(entry: _Finding) -> Frozen:
    return Frozen(
        gate=entry.gate,
        rule=entry.rule,
        path=entry.path,
        fingerprint=entry.fingerprint,
        reason=entry.reason,
        owner=entry.owner,
        date=entry.date,
        value=entry.at_most if entry.at_least is None else entry.at_least,
        ceiling=entry.at_most is not None,
    )


def _rules(read: Mapping[str, Mapping[str, _Place]]) -> Mapping[str, Mapping[str, Entry]]:
    return {
        name: {
            fingerprint: Entry(path=place.path, reason=place.reason, owner=place.owner)
            for fingerprint, place in places.items()
        }
        for name, places in read.items()
    }


def _content(baseline: Baseline) -> dict[str, object]:
    rules = {
        name: {fingerprint: vars(entry) for fingerprint, entry in listed.items()}
        for name, listed in baseline.rules.items()
        if listed
    }
    content: dict[str, object] = {"schema": SCHEMA, "rules": rules}
    if baseline.frozen:
        content["findings"] = [values(entry) for entry in sorted(baseline.frozen, key=_order)]
    return content


def values(entry: Frozen) -> dict[str, object]:
    """Return an entry as plain values, without loss."""
    plain: dict[str, object] = {
        "gate": entry.gate,
        "rule": entry.rule,
        "path": entry.path,
        "fingerprint": entry.fingerprint,
        "reason": entry.reason,
        "owner": entry.owner,
        "date": entry.date.isoformat(),
    }
    if entry.value is not None:
        plain["at_most" if entry.ceiling else "at_least"] = _exact(entry.value)
    return plain


def _exact(value: int | Fraction) -> int | str:
    return f"{value.numerator}/{value.denominator}" if isinstance(value, Fraction) else value
