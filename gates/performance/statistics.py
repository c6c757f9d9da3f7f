"""Decides from pairs of measurements whether head is slower than the limit: pure, no clock, no process."""

from __future__ import annotations

import enum
import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

PASS_CONFIDENCE = 0.98
RISK = 0.02
"""What a decision may err by on the side that blocks somebody, where few benchmarks share it."""
SHARED_BY = 5
"""From so many benchmarks on they share the risk: with twenty, each has a quarter of it."""
CONFIRMING = 3
"""So many fresh pairs must agree with an alarm."""
NARROW = math.log(1.05)
"""An interval of this half-width is narrow enough to end on the side on which the mean lies."""
DECIMALS = 6
STAND_INS: Mapping[str, str] = MappingProxyType({"adj": "wall"})
"""What takes the place of a clock that too few pairs have."""
Logs = Mapping[str, float | None]


class State(enum.Enum):
    """The three answers."""

    SLOWER = "slower"
    NOT_SLOWER = "not-slower"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a decision is made under. `limit` is a ratio (1.15), `benchmarks` how many share the risk.

    `final_width` is how far from the mean the interval may reach, as a part of 1, where `most` pairs end it.
    """

    limit: Fraction
    benchmarks: int
    final_width: Fraction
    fewest: int = 3
    usual: int = 12
    most: int = 24

    @property
    def fail_confidence(self) -> float:
        """How sure one must be to block: surer, the more benchmarks could do so by accident."""
        return 1 - RISK * min(1.0, SHARED_BY / self.benchmarks)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the pairs say by one clock: ratios head / base, and the spread (SD) of the log of one pair.

    `low` and `high` bound the ratio with the confidence that a pass needs.
    """

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
    """The answer. `ratio` is the largest of the clocks', rounded up to six decimals, `clock` whose it is.

    `weak` marks a NOT SLOWER of the last pair with a wide interval, `unavailable` why a clock had no say.
    """

    state: State
    pairs: int
    ratio: Fraction
    clock: str
    estimates: Mapping[str, Estimate]
    alarms: tuple[Alarm, ...] = ()
    weak: bool = False
    unavailable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Clock:
    """One clock after some pairs: the mean of the logs and their spread."""

    name: str
    count: int
    mean: float
    spread: float

    @classmethod
    def of(cls, name: str, values: Sequence[float]) -> _Clock:
        return cls(
            name=name,
            count=len(values),
            mean=statistics.fmean(values),
            spread=statistics.stdev(values),
        )

    def half(self, confidence: float) -> float:
        return student(confidence, self.count - 1) * self.spread / math.sqrt(self.count)

    @property
    def ratio(self) -> Fraction:
        return rounded_up(math.exp(self.mean))

    def estimate(self) -> Estimate:
        half = self.half(PASS_CONFIDENCE)
        return Estimate(
            pairs=self.count,
            ratio=math.exp(self.mean),
            low=math.exp(self.mean - half),
            high=math.exp(self.mean + half),
            spread=self.spread,
        )


def decide(pairs: Sequence[Logs], clocks: Sequence[str], terms: Terms) -> Decision | None:
    """Return the answer, or None where another pair is needed.

    A pair holds the natural logarithm of head / base by clock, None where a clock has no value there. Later
    pairs than the one that decided do not change the answer. One clock is enough to be slower; to be not
    slower takes all of them.
    """
    alarms: list[Alarm] = []
    alarm: tuple[int, str] | None = None
    for count in range(terms.fewest, len(pairs) + 1):
        seen = pairs[:count]
        state = None
        if alarm is not None:
            kept = _confirmed(seen, alarm, terms)
            if kept is None:
                continue
            alarms.append(Alarm(pair=alarm[0], clock=alarm[1], kept=kept))
            alarm, state = None, State.SLOWER if kept else None
        measured, unavailable = _measured(seen, clocks, terms)
        state = state or _settled(measured, count, terms)
        raised = _alarmed(measured, terms) if state is None and count <= terms.most else ""
        if raised:
            alarm = (count, raised)
        elif state is None and count >= terms.most:
            state = State.UNDECIDED
        if state is not None and any(measured):
            clocks_left = [each for each in measured if each]
            last = count >= terms.most
            return _decision(state, count, clocks_left, alarms, unavailable, is_last=last)
    return None


def _confirmed(seen: Sequence[Logs], alarm: tuple[int, str], terms: Terms) -> bool | None:
    """Tell whether the pairs since the alarm agree, None where there are too few yet."""
    pair, clock = alarm
    since = [value for each in seen[pair:] if (value := each.get(clock)) is not None][:CONFIRMING]
    if len(since) < CONFIRMING:
        # A clock that most pairs do not have cannot confirm for ever.
        return None if len(seen) < terms.most + CONFIRMING else False
    return rounded_up(math.exp(statistics.fmean(since))) > terms.limit


def _measured(
    seen: Sequence[Logs], clocks: Sequence[str], terms: Terms
) -> tuple[list[_Clock | None], dict[str, str]]:
    """Return the clocks as they stand, None for one without enough pairs, and why one has no say at all."""
    unavailable: dict[str, str] = {}
    measured: list[_Clock | None] = []
    for name in clocks:
        values, taken = _values(seen, name), name
        if len(values) < terms.fewest and len(seen) >= terms.usual and name in STAND_INS:
            taken = STAND_INS[name]
            unavailable[name] = f"{len(values)} of {len(seen)} pairs have it; {taken} takes its place"
            values = _values(seen, taken)
        measured.append(_Clock.of(taken, values) if len(values) >= terms.fewest else None)
    return measured, unavailable


def _values(seen: Sequence[Logs], name: str) -> list[float]:
    return [value for each in seen if (value := each.get(name)) is not None]


def _settled(measured: Sequence[_Clock | None], count: int, terms: Terms) -> State | None:
    """Return the answer where no further pair could be asked for, or none is needed."""
    clocks = [each for each in measured if each]
    limit = math.log(terms.limit)
    complete = len(clocks) == len(measured)
    if any(each.mean - each.half(terms.fail_confidence) > limit for each in clocks):
        return None  # an alarm, which needs pairs of its own
    if complete and all(each.mean + each.half(PASS_CONFIDENCE) < limit for each in clocks):
        return State.NOT_SLOWER
    narrow = complete and all(each.half(PASS_CONFIDENCE) < NARROW for each in clocks)
    if count < terms.usual or not (narrow or count >= terms.most):
        return None
    if any(each.ratio > terms.limit and each.mean > each.half(terms.fail_confidence) for each in clocks):
        return State.SLOWER
    width = math.log(1 + terms.final_width)
    sure = complete and all(each.half(PASS_CONFIDENCE) < width for each in clocks)
    return State.NOT_SLOWER if sure and all(each.ratio <= terms.limit for each in clocks) else None


def _alarmed(measured: Sequence[_Clock | None], terms: Terms) -> str:
    """Return the clock that is furthest above the limit with all of its interval, empty for none."""
    limit = math.log(terms.limit)
    above = {
        each.name: each.mean
        for each in measured
        if each and each.mean - each.half(terms.fail_confidence) > limit
    }
    return max(above, key=lambda name: (above[name], name), default="")


def _decision(
    state: State,
    pairs: int,
    clocks: Sequence[_Clock],
    alarms: Sequence[Alarm],
    unavailable: Mapping[str, str],
    *,
    is_last: bool,
) -> Decision:
    worst = max(clocks, key=lambda each: (each.mean, each.name))
    wide = any(each.half(PASS_CONFIDENCE) >= NARROW for each in clocks)
    return Decision(
        state=state,
        pairs=pairs,
        ratio=worst.ratio,
        clock=worst.name,
        estimates={each.name: each.estimate() for each in clocks},
        alarms=tuple(alarms),
        weak=state is State.NOT_SLOWER and wide and is_last,
        unavailable=unavailable,
    )


def rounded_up(ratio: float) -> Fraction:
    """Return a ratio as published: six decimals, rounded up, so that no figure looks better than it is.

    What lies a millionth of the last decimal above one is the error of the logarithm, and no difference.
    """
    return Fraction(math.ceil(ratio * 10**DECIMALS - 1e-6), 10**DECIMALS)


@functools.cache
def student(confidence: float, degrees: int) -> float:
    """Return Student's two-sided quantile, by the finite series for whole degrees of freedom and bisection.

    The series is 26.7.3 and 26.7.4 of Abramowitz and Stegun, Handbook of Mathematical Functions.
    """
    low, high = 0.0, 1.0
    while _within(high, degrees) < confidence:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if _within(middle, degrees) < confidence:
            low = middle
        else:
            high = middle
    return high


def _within(quantile: float, degrees: int) -> float:
    """Return the probability that a value lies within plus and minus the quantile."""
    angle = math.atan(quantile / math.sqrt(degrees))
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = term if degrees > 1 else 0.0
    for step in range(2 + odd, degrees - 1, 2):
        term *= (step - 1) / step * math.cos(angle) ** 2
        total += term
    series = math.sin(angle) * total
    return 2 / math.pi * (angle + series) if odd else series
