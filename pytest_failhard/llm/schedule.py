"""Which request meets which fault: rules, and decisions by hash, so that order changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OK = "ok"


@dataclass(frozen=True, kw_only=True)
class Match:
    """Which requests a rule is for; None matches all. `provider` is a dialect, the others are globs."""

    provider: str | None = None
    route: str | None = None
    model: str | None = None
    stream: bool | None = None
    body_contains: str | None = None
    call: str | None = None


@dataclass(frozen=True, kw_only=True)
class When:
    """When a rule fires among the requests that it matches; at most one of the first four is set.

    `first`, `nth`, `every` count the matched requests from 1; `p` is a probability by hash; none of them
    means always. `after` and `lasting` are seconds since the first request of the case;
    `most` caps the fires.
    """

    first: int | None = None
    nth: int | None = None
    every: int | None = None
    p: float | None = None
    after: float | None = None
    lasting: float | None = None
    most: int | None = None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A fault with its parameters; the id `ok` is a healthy answer."""

    fault: str
    params: Mapping[str, int | float | str | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Matching requests meet one of `kinds` when `when` says so.

    With `sequence` the kinds are met one after the other, and then a healthy answer; else, where there are
    several, the hash chooses.
    """

    id: str
    kinds: tuple[Kind, ...]
    match: Match = Match()
    when: When = When()
    sequence: bool = False


@dataclass(frozen=True, kw_only=True)
class Fire:
    """A decision: this rule fires with this fault."""

    rule: str
    kind: Kind
