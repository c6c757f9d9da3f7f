"""The tables below `[tool.failhard.performance]`: what is measured whole, and what not at all."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from pytest_failhard.system.declaration import Pattern

Kind = Literal["job", "http", "worker"]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_KEYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "job": (frozenset({"start", "done"}), frozenset({"start", "done", "input", "key"})),
    "worker": (
        frozenset({"start", "done", "submit", "ready_log"}),
        frozenset({"start", "done", "submit", "ready_log", "input", "key"}),
    ),
    "http": (frozenset({"route"}), frozenset({"route", "clients", "metrics"})),
}
"""What a kind needs, and what of the keys that not every kind has it may have."""


def _identity(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError(f"must be made of letters, digits, dots and dashes (it is {value!r})")
    return value


def _inner(value: str) -> str:
    path = PurePosixPath(value)
    if not value or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"must be a path inside the project (it is {value!r})")
    return value


def _share(value: str) -> str:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal(-1)
    if not 0 <= number <= 2:
        raise ValueError(f'must be a decimal from 0 to 2, in quotes, such as "0.4" (it is {value!r})')
    return value


Text = Annotated[str, Field(min_length=1)]
InnerPath = Annotated[str, AfterValidator(_inner)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Refuses unknown keys and silent conversions."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, kw_only=True)
class Exclusion(_Table):
    """A benchmark that is not measured, why, and who says so."""

    id: Text
    reason: Text
    owner: Text


@dataclass(frozen=True, kw_only=True)
class Delay(_Table):
    """Times of a lognormal shape: `median` in milliseconds, `sigma` the SD of their logarithm."""

    median: Positive
    sigma: Annotated[str, AfterValidator(_share)]


@dataclass(frozen=True, kw_only=True)
class Workload(_Table):
    """So many units of work, and where it shows that they are done.

    A `job` runs to its end. A `worker` stays; `submit` is the command that gives it the items, `ready_log`
    what it logs once it takes them. `done` names files whose lines are units done. For `http` each answer of
    `route` is one, asked by so many `clients`; `metrics` is where the system tells its own gauges. `input` is
    the file with the items, a line each, and `key` the field that names an item there and in `done`.
    """

    id: Annotated[str, AfterValidator(_identity)]
    kind: Kind
    items: Positive
    unit: Text = "unit"
    start: tuple[Text, ...] = ()
    submit: tuple[Text, ...] = ()
    ready_log: Pattern = ""
    input: InnerPath | None = None
    done: InnerPath | None = None
    key: Text = "id"
    route: str = ""
    clients: Positive = 8
    metrics: str = ""
    answers: InnerPath | None = None
    llm_delay_ms: Natural | Delay = 0
    in_flight_max: Positive | None = None
    seed: Natural = 0

    def __post_init__(self) -> None:
        """Refuse what is contradictory, all of it at once."""
        found = list(self._problems())
        if found:
            raise ValueError("; ".join(found))

    @property
    def asks(self) -> bool:
        """Whether it is declared to ask a model."""
        return bool(self.answers or self.llm_delay_ms or self.in_flight_max)

    @property
    def table(self) -> dict[str, object]:
        """What the declaration says, without what it leaves to defaults."""
        return {
            field.name: value if not isinstance(value, Delay) else dataclasses.asdict(value)
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    def _problems(self) -> Iterator[str]:
        needed, possible = _KEYS[self.kind]
        for name in sorted(needed):
            if not getattr(self, name):
                yield f"{self.id}: {name}: a workload of kind {self.kind} needs it"
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for name in sorted(frozenset().union(*(keys for _, keys in _KEYS.values())) - possible):
            if getattr(self, name) != defaults[name]:
                yield f"{self.id}: {name}: a workload of kind {self.kind} has no such thing; remove it"


def repeated(workloads: tuple[Workload, ...]) -> Iterator[str]:
    """Yield the ids that stand twice, with what to do."""
    names = [workload.id for workload in workloads]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"workloads: the id {name} stands twice; keep one"
