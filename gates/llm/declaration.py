"""The table `[tool.failhard.llm]`: which operations need the model, and what holds when it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import AfterValidator, Field

from pytest_failhard.llm.calls import Call, Table, Text
from pytest_failhard.model import Settings

_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_MODEL = re.compile(r"[a-z0-9_]+:\S+")


def _host(value: str) -> str:
    if "/" in value or not value:
        raise ValueError(f"must be a host, such as vault.example.org (it is {value!r})")
    return value


def _model(value: str) -> str:
    if not _MODEL.fullmatch(value):
        raise ValueError(f"must be provider:model, such as openai:gpt-4o (it is {value!r})")
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError(f"{value!r} is no name of an environment variable")
    return value


def _variables(value: dict[str, str]) -> dict[str, str]:
    return {_variable(name): text for name, text in value.items()}


def _amount(value: str) -> str:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"must be an amount above 0, in quotes, such as '0.50' (it is {value!r})")
    return value


Positive = Annotated[int, Field(gt=0)]
Variable = Annotated[str, AfterValidator(_variable)]


@dataclass(frozen=True, kw_only=True)
class Egress(Table):
    """A host that may be reached during a fault, and why."""

    host: Annotated[str, AfterValidator(_host)]
    reason: Text


@dataclass(frozen=True, kw_only=True)
class Fallback(Table):
    """A second model that may answer instead, when, and where the answer names its producer."""

    source: Annotated[str, AfterValidator(_model), Field(alias="from")]
    to: Annotated[str, AfterValidator(_model)]
    on: Annotated[tuple[Text, ...], Field(min_length=1)]
    attribution: Text
    owner: Text
    reason: Text


@dataclass(frozen=True, kw_only=True)
class Limit(Table):
    """A model's limits: requests and tokens a minute."""

    rpm: Positive | None = None
    tpm: Positive | None = None

    def __post_init__(self) -> None:
        """Refuse a limit of nothing."""
        if self.rpm is None and self.tpm is None:
            raise ValueError("give rpm, tpm, or both")


@dataclass(frozen=True, kw_only=True)
class Budget(Table):
    """What one run of the system may use up; `usd` is a decimal in quotes."""

    usd: Annotated[str, AfterValidator(_amount)] | None = None
    tokens: Positive | None = None
    requests: Positive | None = None

    def __post_init__(self) -> None:
        """Refuse a budget of nothing."""
        if self.usd is None and self.tokens is None and self.requests is None:
            raise ValueError("give usd, tokens or requests")


@dataclass(frozen=True, kw_only=True)
class Circuit(Table):
    """When the circuit opens: after so many failed calls, for so many seconds.

    `cooldown_env` is a variable that shortens the time for a test.
    """

    after: Positive
    cooldown: Positive
    cooldown_env: Variable | None = None


@dataclass(frozen=True, kw_only=True)
class LlmSettings(Settings):
    """The project's side of the gate. Times are in seconds."""

    providers: tuple[Text, ...] = ()
    deadline: Annotated[int, Field(gt=0)] = 30
    """How long a call may take under a fault, beyond the healthy call's own time."""
    deadline_most: int = 60
    """The level's maximum for `deadline`."""
    max_attempts: Annotated[int, Field(gt=0)] = 3
    """Requests that one logical call may send."""
    timeout_env: Annotated[dict[str, str], AfterValidator(_variables)] = field(default_factory=dict)
    egress_allow: tuple[Egress, ...] = ()
    calls: tuple[Call, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    limits: dict[str, Limit] = field(default_factory=dict)
    budget: Budget | None = None
    circuit: Circuit | None = None

    def __post_init__(self) -> None:
        """Refuse what is contradictory, all of it at once."""
        found = list(self._problems())
        if found:
            raise ValueError("; ".join(found))

    @property
    def remembers(self) -> bool:
        """Whether the system keeps count of calls or failures: then one case could decide the next one."""
        return bool(self.limits) or self.budget is not None or self.circuit is not None

    def _problems(self) -> Iterator[str]:
        if self.deadline > self.deadline_most:
            yield f"deadline: {self.deadline} is above the level's maximum of {self.deadline_most}"
        names = [call.id for call in self.calls]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"calls: the id {name} stands twice; keep one"
