"""Decides from pairs of measurements whether head is slower than the limit: pure, no clock, no process."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


class State(enum.Enum):
    """The three answers."""

    SLOWER = "slower"
    NOT_SLOWER = "not-slower"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a decision is made under. `limit` is a ratio (1.15), `benchmarks` how many share the risk."""

    limit: Fraction
    benchmarks: int
    final_width: Fraction
    fewest: int = 3
    usual: int = 12
    most: int = 24


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the pairs say by one clock: ratios head / base, and the spread (SD) of the log of one pair."""

    pairs: int
    ratio: float
    low: float
    high: float
    spread: float


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """After this pair a clock was above the limit. `kept` tells whether the next three pairs agreed."""

    pair: int
    clock: str
    kept: bool


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer. `ratio` is the largest of the clocks', rounded up to six decimals, `clock` whose it is."""

    state: State
    pairs: int
    ratio: Fraction
    clock: str
    estimates: Mapping[str, Estimate]
    alarms: tuple[Alarm, ...] = ()
    weak: bool = False
    unavailable: Mapping[str, str]


def decide(
    pairs: Sequence[Mapping[str, float | None]], clocks: Sequence[str], terms: Terms
) -> Decision | None:
    """Return the answer, or None where another pair is needed.

    A pair holds the natural logarithm of head / base by clock, None where a clock has no value there.
    """
    raise NotImplementedError
