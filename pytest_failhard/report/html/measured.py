"""Benchmarks as they were decided and pair by pair, from the evidence of the gate `performance`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Literal

from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.html.reading import Figure, Loose, lines, whole

MAX_BENCHMARKS = 60
MEASURE = "measure"
ORDER = {"slower": 0, "undecided": 1, "not-slower": 2}
CONFIRMING = 3
"""Pairs after an alarm that decide whether it stands."""
GATE = "performance"

Purpose = Literal["measure", "self-check", "prove-cpu", "prove-wall", "release"]
PURPOSES: Mapping[str, str] = {
    "self-check": "base against itself",
    "release": "the release before against head",
    "prove-cpu": "30 % more work put in",
    "prove-wall": "30 % more waiting put in",
}


class _Clock(Loose):
    ratio: Figure
    low: Figure
    high: Figure
    pairs: int
    spread: Figure


class _Alarm(Loose):
    pair: int
    clock: str
    kept: bool


class _Decision(Loose):
    benchmark: str
    purpose: Purpose
    state: str
    problem: str = ""
    ratio: Figure | None = None
    clock: str = ""
    pairs: int
    weak: bool = False
    limit: Figure
    clocks: Mapping[str, _Clock] = {}
    unavailable: Mapping[str, str] = {}
    alarms: tuple[_Alarm, ...] = ()


class _Decisions(Loose):
    decisions: tuple[_Decision, ...]


class _Side(Loose):
    wall: tuple[int, ...]
    cpu: tuple[int, ...]
    children: tuple[int, ...]
    adj: tuple[int | None, ...]


class _Pair(Loose):
    benchmark: str
    purpose: Purpose
    pair: int
    base: _Side
    head: _Side


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What all pairs say by one clock; numbers stand as the evidence has them."""

    name: str
    ratio: str
    low: str
    high: str
    pairs: int
    spread: str


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Head / base in one pair by one clock."""

    pair: int
    clock: str
    value: float

    @property
    def text(self) -> str:
        """Return the ratio as it is shown, in the plot and in its table."""
        return f"{self.value:.3f}"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """After this pair a clock was above the limit."""

    pair: int
    clock: str
    kept: bool

    @property
    def confirming(self) -> range:
        """Return the pairs that were to confirm it."""
        return range(self.pair + 1, self.pair + 1 + CONFIRMING)


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One benchmark and what was decided of it."""

    benchmark: str
    purpose: str
    state: str
    problem: str
    """Why there is no answer, empty where there is one."""
    ratio: str
    """The largest of the clocks, empty where the pairs were too few for one."""
    clock: str
    pairs: int
    weak: bool
    limit: str
    clocks: tuple[Clock, ...]
    unavailable: tuple[str, ...]
    alarms: tuple[Alarm, ...]
    ratios: tuple[Ratio, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the pairs."""
        return tuple(sorted({ratio.pair for ratio in self.ratios}))

    def ratio_of(self, pair: int, clock: str) -> str:
        """Return one ratio as text, empty where the clock has no value in that pair."""
        return next((each.text for each in self.ratios if (each.pair, each.clock) == (pair, clock)), "")

    def note_of(self, pair: int) -> str:
        """Say what an alarm makes of a pair."""
        for alarm in self.alarms:
            if alarm.pair == pair:
                return f"alarm on {alarm.clock}, {'confirmed' if alarm.kept else 'dropped'}"
            if pair in alarm.confirming:
                return "confirming"
        return ""


@dataclass(frozen=True, kw_only=True)
class Benchmarks:
    """What was measured, the slowest first, and the checks of the gate on itself."""

    measured: tuple[Decided, ...]
    checks: tuple[Decided, ...]
    total: int

    @property
    def with_pairs(self) -> tuple[Decided, ...]:
        """Return those whose pairs are known."""
        return tuple(each for each in (*self.measured, *self.checks) if each.ratios)


def read(exhibits: Exhibits) -> Benchmarks | None:
    """Return what was decided, None where there is no such evidence; raises UnreadableError."""
    data = exhibits.of(GATE, "decisions.json")
    if data is None:
        return None
    ratios = _ratios(lines(_Pair, exhibits.of(GATE, "pairs.jsonl") or b""))
    decisions = [_decided(each, ratios) for each in whole(_Decisions, data).decisions]
    decisions.sort(
        key=lambda each: (
            ORDER.get(each.state, len(ORDER)),
            -float(each.ratio or 0),
            each.benchmark,
            each.purpose,
        )
    )
    measured = [each for each in decisions if each.purpose == MEASURE]
    return Benchmarks(
        measured=tuple(measured[:MAX_BENCHMARKS]),
        checks=tuple(each for each in decisions if each.purpose != MEASURE)[:MAX_BENCHMARKS],
        total=len(measured),
    )


def _decided(found: _Decision, ratios: Mapping[tuple[str, str], Sequence[Ratio]]) -> Decided:
    return Decided(
        benchmark=found.benchmark,
        purpose=found.purpose,
        state=found.state,
        problem=found.problem,
        ratio=found.ratio or "",
        clock=found.clock,
        pairs=found.pairs,
        weak=found.weak,
        limit=found.limit,
        clocks=tuple(
            Clock(
                name=name,
                ratio=each.ratio,
                low=each.low,
                high=each.high,
                pairs=each.pairs,
                spread=each.spread,
            )
            for name, each in sorted(found.clocks.items())
        ),
        unavailable=tuple(f"{name}: {why}" for name, why in sorted(found.unavailable.items())),
        alarms=tuple(Alarm(pair=each.pair, clock=each.clock, kept=each.kept) for each in found.alarms),
        ratios=tuple(
            each for each in ratios.get((found.benchmark, found.purpose), ()) if each.clock in found.clocks
        ),
    )


def _ratios(pairs: Iterable[_Pair]) -> Mapping[tuple[str, str], Sequence[Ratio]]:
    key = attrgetter("benchmark", "purpose")
    ordered = sorted(pairs, key=attrgetter("benchmark", "purpose", "pair"))
    return {
        (benchmark, purpose): [ratio for pair in alike for ratio in _of_pair(pair)]
        for (benchmark, purpose), alike in groupby(ordered, key=key)
    }


def _of_pair(pair: _Pair) -> Iterable[Ratio]:
    for clock, statistic in CLOCKS.items():
        base, head = statistic(pair.base), statistic(pair.head)
        if base and head:
            yield Ratio(pair=pair.pair, clock=clock, value=head / base)


def _busy(side: _Side) -> list[int]:
    return [own + children for own, children in zip(side.cpu, side.children, strict=False)]


def _least_busy(side: _Side) -> float:
    return min(_busy(side), default=0)


def _mean_busy(side: _Side) -> float:
    busy = _busy(side)
    return sum(busy) / len(busy) if busy else 0


def _quarter_blocked(side: _Side) -> float:
    known = sorted(value for value in side.adj if value is not None)
    return known[len(known) // 4] if known and len(known) == len(side.adj) else 0


def _least_wall(side: _Side) -> float:
    return min(side.wall, default=0)


CLOCKS: Mapping[str, Callable[[_Side], float]] = {
    "cpu": _least_busy,
    "cpu_mean": _mean_busy,
    "adj": _quarter_blocked,
    "wall": _least_wall,
}
"""How a clock sums up the batches of one side: both sides make the same number of calls."""
