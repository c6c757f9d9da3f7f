"""`failhard-golden.json`: counts that a project must not exceed, and what a measurement says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from pytest_failhard.gates.performance.counters import Count
from pytest_failhard.model import Finding, GateError, Severity
from pytest_failhard.strict import mistakes, read_day

FILE = "failhard-golden.json"
SCHEMA = "failhard-golden/1"
UPDATE = "failhard golden update --reason TEXT --owner WHO"
AT_BASE = f"at the merge base: {FILE}"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
Key = tuple[str, str]
"""A case and a counter."""


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def checked(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"must be {what} (it is {value!r})")
        return value

    return AfterValidator(checked)


def _day(value: str) -> str:
    if read_day(value) is None:
        raise ValueError(f"must be a day that exists, as YYYY-MM-DD (it is {value!r})")
    return value


def _said(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


Said = Annotated[str, AfterValidator(_said), Field(min_length=1)]


@dataclass(frozen=True, kw_only=True, order=True)
class Entry:
    """A ceiling, why it may be there, and who says so. `commit` is where it was measured, if that is known.

    `harness` is the SHA-256 of what decides how much work there is: another one makes it stale.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    case: Said
    counter: Annotated[str, _matching(_NAME, "lower case, such as llm_calls")]
    value: Annotated[int, Field(ge=0)]
    harness: Annotated[str, _matching(_DIGEST, "a SHA-256")]
    reason: Said
    owner: Said
    commit: Annotated[str, _matching(_COMMIT, "a whole commit id, or empty")]
    date: Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.case, self.counter


@dataclass(frozen=True, kw_only=True)
class _Document:
    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    schema: Literal["failhard-golden/1"]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class Golden:
    """The ceilings by case and counter."""

    entries: Mapping[Key, Entry] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Golden:
        """Return those of some entries."""
        return cls(entries={entry.key: entry for entry in sorted(entries)})


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the comparison says. `refused` are reasons why there is no answer, as findings of that name.

    `ceilings` are those that what was measured is bounded by; `exceeded` counts what is above its own.
    """

    findings: tuple[Finding, ...] = ()
    refused: tuple[Finding, ...] = ()
    ceilings: Mapping[Key, int] = field(default_factory=dict)
    exceeded: int = 0

    @property
    def compared(self) -> int:
        """How many counts have a ceiling."""
        return len(self.ceilings)


def parse(data: bytes, where: str = FILE) -> Golden:
    """Return the ceilings in a document; raises GateError with all mistakes."""
    try:
        document = TypeAdapter(_Document).validate_json(data)
    except ValidationError as error:
        known = {"schema", "entries", *(each.name for each in fields(Entry))}
        raise GateError("\n".join(mistakes(error, f"{where}: ", known))) from None
    keys = [entry.key for entry in document.entries]
    twice = sorted({"/".join(key) for key in keys if keys.count(key) > 1})
    if twice:
        raise GateError(f"{where}: {', '.join(twice)}: stands twice; keep one")
    return Golden.of(document.entries)


def dump(golden: Golden) -> bytes:
    """Return the document in its only form: sorted, a line a field, so that a change can be reviewed."""
    entries = [asdict(entry) for entry in sorted(golden.entries.values(), key=lambda entry: entry.key)]
    document = {"schema": SCHEMA, "entries": entries}
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of the file."""
    schema = TypeAdapter(_Document).json_schema()
    schema["title"] = SCHEMA
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_bytes() -> bytes:
    """Return the published schema file."""
    return (json.dumps(json_schema(), indent=2, sort_keys=True) + "\n").encode()


def judge(measured: Sequence[Count], head: Golden | None, base: Golden | None) -> Judged:
    """Compare counts with their ceilings. `base` are those of the merge base, None without one.

    A ceiling that head raised does not count yet, and one that it lowered counts at once.
    """
    if head is None and not any(each.demanded for each in measured):
        return Judged()
    known = (head or Golden()).entries
    found: list[Finding] = []
    refused = list(_refusals(measured, head, known))
    ceilings: dict[Key, Entry] = {}
    for key, entry in known.items():
        ceilings[key], told = _ceiling(entry, base)
        found += told
    fitting = [each for each in measured if _fits(each, known)]
    for each in fitting:
        found += _compared(each, ceilings[each.case, each.counter])
    exceeded = [each for each in fitting if each.value > ceilings[each.case, each.counter].value]
    return Judged(
        findings=tuple(sorted(found)),
        refused=tuple(sorted(refused)),
        ceilings={key: ceilings[key].value for key in ((each.case, each.counter) for each in fitting)},
        exceeded=len(exceeded),
    )


def _fits(each: Count, known: Mapping[Key, Entry]) -> bool:
    entry = known.get((each.case, each.counter))
    return entry is not None and entry.harness == each.harness


def _refusals(
    measured: Sequence[Count], head: Golden | None, known: Mapping[Key, Entry]
) -> Iterator[Finding]:
    """Yield why counts and ceilings cannot be compared: both must be about the same."""
    if head is None:
        cases = ", ".join(sorted({each.case for each in measured if each.demanded}))
        fix = f"run {UPDATE}, and commit {FILE}"
        yield _finding("golden-missing", f"there is no {FILE}, and {cases} is declared", fix, anchor=FILE)
        return
    keys = {(each.case, each.counter) for each in measured}
    for each in measured:
        place = f"{each.case}/{each.counter}"
        entry = known.get((each.case, each.counter))
        if entry is None and each.demanded:
            yield _finding("golden-missing", f"{place} has no ceiling", f"run {UPDATE}", anchor=place)
        elif entry is not None and entry.harness != each.harness:
            message = f"{place}: the workload, its items or its answers are not those of the ceiling"
            yield _finding("golden-stale", message, f"run {UPDATE}", anchor=place)
    for case, counter in known:
        if (case, counter) not in keys:
            message = f"{case}/{counter} has a ceiling, and was not measured"
            fix = f"declare the workload again, or run {UPDATE}"
            yield _finding("golden-unmeasured", message, fix, anchor=f"{case}/{counter}")


def _ceiling(entry: Entry, base: Golden | None) -> tuple[Entry, tuple[Finding, ...]]:
    """Return what counts for an entry of head's, and what is to be said of its difference from the base's."""
    if base is None:
        return entry, ()
    place = "/".join(entry.key)
    before = base.entries.get(entry.key)
    if before is None:
        message = f"{place}: a ceiling of {entry.value} that the merge base does not have"
        added = _finding("golden-added", message, "look whether so many are needed", Severity.LOW, place)
        return entry, (added,)
    if entry.value <= before.value:
        return entry, ()
    raised = _finding(
        "golden-raised",
        f"{place}: the ceiling was raised from {before.value} to {entry.value}: {entry.reason}",
        "raise it in a change of its own, and have that merged first",
        anchor=place,
    )
    # Of other work it says nothing.
    return (replace(entry, value=before.value) if before.harness == entry.harness else entry), (raised,)


def _compared(each: Count, ceiling: Entry) -> Iterator[Finding]:
    place = f"{each.case}/{each.counter}"
    if each.value > ceiling.value:
        before = "unknown" if each.base is None else str(each.base)
        yield _finding(
            "golden-exceeded",
            f"{place}: {each.value} measured, the ceiling is {ceiling.value}; the base has {before}",
            "do without what came in addition, or have the ceiling raised in a change of its own",
            anchor=place,
        )
    elif each.value < ceiling.value:
        slack = ceiling.value - each.value
        yield _finding(
            "golden-slack",
            f"{place}: {each.value} measured, {slack} below the ceiling of {ceiling.value}",
            f"tighten it: {UPDATE}",
            Severity.LOW,
            place,
        )


def _finding(
    name: str, message: str, fix: str, severity: Severity = Severity.MEDIUM, anchor: str = ""
) -> Finding:
    return Finding(
        rule=name, name=name, path=FILE, line=0, severity=severity, message=message, fix=fix, anchor=anchor
    )
