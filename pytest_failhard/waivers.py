"""Reads `failhard-waivers.yaml`: reason and owner of every exception and reading, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated, Literal

from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from pytest_failhard.model import Clarification, Policy, Waiver
from pytest_failhard.strict import StrictError, mistakes, read_day, read_yaml, suggestion

FILE = "failhard-waivers.yaml"
SCHEMA = "failhard-waivers/1"
REASON_CHARACTERS = 10
REASON_WORDS = 2
CAUSES = ("not-applicable", "not-detected", "not-supported", "remediated", "test-data")
"""What the reason of a `false-positive` starts with, so that wrong findings can be counted by cause."""
MENDED = "known-vulnerability"
"""The rule whose findings a new version of a package mends."""


class WaiverError(Exception):
    """The waivers cannot be used. `mistakes` holds all of them, each with place and remedy."""

    def __init__(self, found: Collection[str]) -> None:
        super().__init__("\n".join(found))
        self.mistakes = tuple(found)


def load(
    text: bytes | None,
    policy: Policy,
    today: date,
    where: str = FILE,
    gate_ids: Collection[str] | None = None,
) -> tuple[Waiver, ...]:
    """Return the waivers in a document, sorted; none where there is no document.

    One that has expired is returned too: the judge makes a finding of it. `gate_ids` are the gates that
    exist here, so that a mistyped one shows. Raises WaiverError.
    """
    if text is None:
        return ()
    document = _read(text, where)
    found = [
        f"{where}: waivers[{index}]{problem}"
        for index, entry in enumerate(document.waivers)
        for problem in _problems(entry, policy, today, gate_ids)
    ]
    found += [f"{where}: {each}" for each in _repeated(document.waivers)]
    if found:
        raise WaiverError(found)
    return tuple(sorted((_waiver(entry) for entry in document.waivers), key=repr))


def clarifications(text: bytes | None, where: str = FILE) -> tuple[Clarification, ...]:
    """Return how people read licences that metadata leaves open, sorted; none where there is no document.

    Raises WaiverError for the mistakes of the whole document.
    """
    return () if text is None else tuple(sorted(map(_clarification, _read(text, where).clarifications)))


def approved(
    listed: Collection[Waiver], text: bytes | None, terms: Policy
) -> tuple[tuple[Waiver, ...], tuple[Waiver, ...]]:
    """Part the waivers of a change: in force as the merge base approved them, and pending approval.

    Who wrote the change may take a waiver out, or end it sooner; what it grants (day, value, kind, the
    second person) is what the document at the base grants. One there that cannot be read grants nothing.
    """
    before = {_key(waiver): waiver for waiver in _granted(text)}
    merged = {each: _merged(each, before[_key(each)]) for each in listed if _key(each) in before}
    held = {each: waiver for each, waiver in merged.items() if _is_complete(waiver, terms)}
    changed = {each for each, waiver in held.items() if _grants(each) != _grants(waiver)}
    pending = [each for each in listed if each not in held or each in changed]
    return tuple(held.values()), tuple(pending)


def pending_notes(pending: Iterable[Waiver]) -> tuple[str, ...]:
    """Say which waivers do not count yet, or not as they are written."""
    return tuple(
        f"pending approval: the waiver of {waiver.place} (owner {waiver.owner}) counts as it is written once "
        f"the merge base has it"
        for waiver in pending
    )


def _granted(text: bytes | None) -> tuple[Waiver, ...]:
    try:
        return () if text is None else tuple(map(_waiver, _read(text, FILE).waivers))
    except WaiverError:
        return ()


def _key(waiver: Waiver) -> tuple[str, str, str, str]:
    return (waiver.gate, waiver.rule, waiver.path, waiver.fingerprint)


def _merged(waiver: Waiver, base: Waiver) -> Waiver:
    return replace(
        waiver,
        expires=min(waiver.expires, base.expires),
        value=base.value,
        kind=base.kind,
        approved_by=base.approved_by,
        until_fixed=waiver.until_fixed or base.until_fixed,
    )


def _grants(waiver: Waiver) -> tuple[object, ...]:
    return (waiver.expires, waiver.value, waiver.kind, waiver.approved_by, waiver.until_fixed)


def _is_complete(waiver: Waiver, terms: Policy) -> bool:
    return "approved_by" not in terms.waivers.required or bool(waiver.approved_by)


def _read(text: bytes, where: str) -> _Document:
    try:
        document = _Document.model_validate(read_yaml(text, where))
    except StrictError as error:
        raise WaiverError([str(error)]) from None
    except ValidationError as error:
        raise WaiverError(mistakes(error, f"{where}: ", _KEYS)) from None
    twice = [f"{where}: {each}" for each in _read_twice(document.clarifications)]
    if twice:
        raise WaiverError(twice)
    return document


def _day(value: object) -> date:
    day = read_day(value)
    if day is None:
        raise ValueError(f"must be a day that exists, as YYYY-MM-DD (it is {value!r})")
    return day


def _measure(value: object) -> int | Fraction | None:
    if value is None or (isinstance(value, int | Fraction) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError(f"must be the worst accepted measure, a number without quotes (it is {value!r})")


def _exact(value: str) -> str:
    if value in {"all", "any", "error"} or set("*?") & set(value):
        raise ValueError(f"{value!r} is not one finding; a waiver names exactly one, never an error")
    return value


def _reason(value: str) -> str:
    if len(value.strip()) < REASON_CHARACTERS or len(value.split()) < REASON_WORDS:
        raise ValueError(f"must say why in at least {REASON_WORDS} words and {REASON_CHARACTERS} characters")
    return value.strip()


def _person(value: str) -> str:
    if not any(character.isalnum() for character in value):
        raise ValueError(f"must name somebody who answers for it (it is {value!r})")
    return value.strip()


def _expression(value: str) -> str:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(value)
    except InvalidLicenseExpression as error:
        raise ValueError(f"must be an SPDX expression ({error})") from None


def _matching(pattern: str, meaning: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {meaning} (it is {value!r})")
        return value

    return check


Exact = Annotated[str, Field(min_length=1), AfterValidator(_exact)]
Place = Annotated[str, AfterValidator(_exact)]
Person = Annotated[str, AfterValidator(_person)]
Reason = Annotated[str, AfterValidator(_reason)]
Day = Annotated[date, PlainValidator(_day)]
Measure = Annotated[int | Fraction | None, PlainValidator(_measure)]
Fingerprint = Annotated[
    str, AfterValidator(_matching("[0-9a-f]{16}", "the 16 hex digits that the report prints, in quotes"))
]
Digest = Annotated[
    str, AfterValidator(_matching("[0-9a-f]{64}", "the SHA-256 of the file, 64 hex digits in quotes"))
]
InFolder = Annotated[
    str,
    AfterValidator(_matching(r"(?!.*(?:^|/)\.\.?(?:/|$))[^/\\:]+(?:/[^/\\:]+)*", "a path below .dist-info")),
]
Text = Annotated[str, Field(min_length=1)]
Expression = Annotated[str, AfterValidator(_expression)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    gate: Exact
    rule: Exact
    path: Place
    fingerprint: Fingerprint
    reason: Reason
    owner: Person
    expires: Day
    kind: Literal["accepted-risk", "false-positive"] = "accepted-risk"
    ref: Person | None = None
    approved_by: Person | None = None
    value: Measure = None
    until_fixed: bool = False
    qualname: str = ""
    """For the reader: the fingerprint identifies."""


class _ReadFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    path: InFolder
    sha256: Digest


class _Reading(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    package: Text
    version: Text
    expression: Expression
    reason: Reason
    owner: Person
    files: Annotated[list[_ReadFile], Field(min_length=1)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    schema_: Literal["failhard-waivers/1"] = Field(alias="schema")
    waivers: list[_Entry] = []
    clarifications: list[_Reading] = []


_KEYS = {
    *("schema", "waivers", "clarifications"),
    *_Entry.model_fields,
    *_Reading.model_fields,
    *_ReadFile.model_fields,
}


def _problems(entry: _Entry, policy: Policy, today: date, gate_ids: Collection[str] | None) -> Iterator[str]:
    """Yield what the policy's terms refuse, each beginning with the key that it is about."""
    terms = policy.waivers
    latest = today + timedelta(days=terms.max_days)
    if entry.expires > latest:
        yield f".expires: {entry.expires} is too late; level {policy.level} admits {latest} at most"
    stated = {"ref": entry.ref, "approved_by": entry.approved_by}
    for name in sorted(terms.required):
        if stated[name] is None:
            yield f".{name}: is missing: add it, level {policy.level} demands it"
    if entry.kind == "false-positive" and not entry.reason.startswith(CAUSES):
        yield f".reason: of a false-positive must start with one of {', '.join(CAUSES)}"
    if entry.until_fixed and entry.rule != MENDED:
        yield f".until_fixed: waits for a fixed version of a package; take it out, or name the rule {MENDED}"
    if gate_ids is not None and entry.gate not in gate_ids:
        yield f".gate: unknown gate {entry.gate}{suggestion(entry.gate, gate_ids)}"


def _repeated(entries: list[_Entry]) -> Iterator[str]:
    first: dict[tuple[str, str, str, str], int] = {}
    for index, entry in enumerate(entries):
        key = (entry.gate, entry.rule, entry.path, entry.fingerprint)
        if key in first:
            yield f"waivers[{index}]: covers the same finding as waivers[{first[key]}]; keep one"
        first.setdefault(key, index)


def _read_twice(readings: list[_Reading]) -> Iterator[str]:
    first: dict[tuple[str, str], int] = {}
    for index, reading in enumerate(readings):
        key = (canonicalize_name(reading.package), reading.version)
        if key in first:
            yield f"clarifications[{index}]: is of the same package as clarifications[{first[key]}]; keep one"
        first.setdefault(key, index)


def _clarification(reading: _Reading) -> Clarification:
    return Clarification(
        package=canonicalize_name(reading.package),
        version=reading.version,
        expression=reading.expression,
        files=tuple(sorted((file.path, file.sha256) for file in reading.files)),
        reason=reading.reason,
        owner=reading.owner,
    )


def _waiver(entry: _Entry) -> Waiver:
    return Waiver(
        gate=entry.gate,
        rule=entry.rule,
        path=entry.path,
        fingerprint=entry.fingerprint,
        reason=entry.reason,
        owner=entry.owner,
        expires=entry.expires,
        kind=entry.kind,
        ref=entry.ref or "",
        approved_by=entry.approved_by or "",
        value=entry.value,
        until_fixed=entry.until_fixed,
    )
