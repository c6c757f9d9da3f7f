"""Applies every method to the same recorded calls and counts what it says."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.performance_gate import methods
from benchmarks.performance_gate.methods import Clock, Compared, Logs, Outcome, Statistic, answered
from benchmarks.performance_gate.recorded import (
    LEVELS,
    REFERENCE,
    SAME,
    Calls,
    RawPair,
    Side,
)
from pytest_failhard.gates.performance.statistics import State

COMPARISONS = 1700
"""Stored against later, drawn for each workload."""
PROCESSES = 5
FIVE = 5
WINDOW = 27
"""The most pairs that a decision of the gate can take: 24, and three that confirm."""
Cell = tuple[str, str]


@dataclass
class Tally:
    """How often a method said what. `pairs` are those of all decisions together; `disjoint` counts decisions
    that share no pair: of how many, how many failed.
    """

    n: int = 0
    fails: int = 0
    undecided: int = 0
    pairs: int = 0
    disjoint: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, outcome: Outcome) -> None:
        """Count a decision."""
        self.n += 1
        self.fails += outcome.state is State.SLOWER
        self.undecided += outcome.state is State.UNDECIDED
        self.pairs += outcome.pairs

    def add_disjoint(self, outcome: Outcome) -> None:
        """Count a decision that shares no pair with another."""
        for place, counts in enumerate(
            (True, outcome.state is State.SLOWER, outcome.state is State.UNDECIDED)
        ):
            self.disjoint[place] += counts


Table = dict[Cell, Tally]
Series = Mapping[tuple[str, str], Sequence[RawPair]]
Decided = Callable[[Sequence[Logs]], Outcome | None]
LEFT_OVER = Outcome(state=State.UNDECIDED, pairs=0)


def grouped(pairs: Sequence[RawPair]) -> dict[tuple[str, str], list[RawPair]]:
    """Return the pairs by workload and noise, in the order of time."""
    found: dict[tuple[str, str], list[RawPair]] = {}
    for pair in pairs:
        found.setdefault((pair.workload, pair.noise), []).append(pair)
    return found


def workloads(series: Series) -> list[str]:
    """Return the workloads in the order of their first pair."""
    return list(dict.fromkeys(workload for workload, _ in series))


def stored(series: Series, across: Cell, compared: Callable[[Side, Side, str], bool]) -> Table:
    """Compare earlier processes with later ones of another block; `across` is the noise of both."""
    table: Table = {}
    for workload in workloads(series):
        drawn = random.Random(workload)  # noqa: S311 - a sample that is the same in every run
        before, after = (_processes(series.get((workload, noise), ())) for noise in across)
        pool = [(one, other) for one in before for other in after if one[0] < other[0]]
        for (_, base), (_, head) in drawn.sample(pool, min(COMPARISONS, len(pool))):
            for level in LEVELS:
                table.setdefault((across[1], level), Tally()).add(answered(compared(base, head, level)))
    return table


def _processes(pairs: Sequence[RawPair]) -> list[tuple[int, Side]]:
    return [(pair.block, side) for pair in pairs for side in pair.sides]


def stored_groups(series: Series, across: Cell, by_reference: bool) -> Table:
    """Compare five processes of a block with five of a later block."""
    table: Table = {}
    for workload in workloads(series):
        before, after = (_groups(series.get((workload, noise), ())) for noise in across)
        for (earlier, bases), (later, heads) in itertools.product(before, after):
            for level in LEVELS if earlier < later else ():
                ratio = _of_groups(bases, heads, level)
                ratio /= _of_groups(bases, heads, REFERENCE, REFERENCE) if by_reference else 1
                table.setdefault((across[1], level), Tally()).add(answered(ratio > methods.LIMIT))
    return table


def _of_groups(bases: Sequence[Side], heads: Sequence[Side], level: str, base: str = SAME) -> float:
    return methods.of_processes([side[base] for side in bases], [side[level] for side in heads])


def _groups(pairs: Sequence[RawPair]) -> list[tuple[int, list[Side]]]:
    by_block: dict[int, list[Side]] = {}
    for block, side in _processes(pairs):
        by_block.setdefault(block, []).append(side)
    return [
        (block, sides[start : start + PROCESSES])
        for block, sides in by_block.items()
        for start in range(0, len(sides) - PROCESSES + 1, PROCESSES)
    ]


def one_pair(series: Series, compared: Compared) -> Table:
    """Ask every pair, in both directions."""
    table: Table = {}
    for pair, level in itertools.product(itertools.chain(*series.values()), LEVELS):
        for base, head in (pair.sides, pair.sides[::-1]):
            outcome = answered(compared(base[SAME], head[level]))
            table.setdefault((pair.noise, level), Tally()).add(outcome)
    return table


def one_process(series: Series, compared: Compared) -> Table:
    """Compare calls of one and the same process, which alternated."""
    table: Table = {}
    for pair, level in itertools.product(itertools.chain(*series.values()), LEVELS):
        for side in pair.sides:
            outcome = answered(compared(side[SAME], side[level]))
            table.setdefault((pair.noise, level), Tally()).add(outcome)
    return table


def together(series: Series, compared: Compared) -> Table:
    """Compare calls that both processes made at the same time."""
    table: Table = {}
    for pair in itertools.chain(*series.values()):
        base, head = pair.together
        for level in base:
            outcome = answered(compared(base[level], head[level]))
            table.setdefault((pair.noise, level), Tally()).add(outcome)
    return table


def windows(series: Series, logs: Callable[[Calls, Calls], Logs], size: int, decided: Decided) -> Table:
    """Decide from each pair on, in both directions, over the pairs that follow; the first follow the last."""
    table: Table = {}
    for ((_, noise), pairs), level in itertools.product(series.items(), LEVELS):
        tally = table.setdefault((noise, level), Tally())
        directions = [_directed(pairs, level, logs, direction) for direction in (0, 1)]
        for values in directions:
            for start in range(len(values)):
                turned = [values[(start + place) % len(values)] for place in range(size)]
                tally.add(decided(turned) or LEFT_OVER)
        alternating = [directions[place % 2][place] for place in range(len(pairs))]
        for outcome in disjoint(alternating, size, decided):
            tally.add_disjoint(outcome)
    return table


def _directed(
    pairs: Sequence[RawPair], level: str, logs: Callable[[Calls, Calls], Logs], direction: int
) -> list[Logs]:
    return [logs(pair.sides[direction][SAME], pair.sides[1 - direction][level]) for pair in pairs]


def disjoint(logs: Sequence[Logs], size: int, decided: Decided) -> Iterator[Outcome]:
    """Decide one after the other; pairs that ran out before a decision are left over."""
    start = 0
    while start < len(logs):
        outcome = decided(logs[start : start + size])
        if outcome is None:
            return
        start += outcome.pairs
        yield outcome


def by(clock: Clock, statistic: Statistic) -> Callable[[Calls, Calls], Logs]:
    """Return what makes the logarithm of one statistic of one clock of a pair."""
    return lambda base, head: {clock: methods.log_ratio(base, head, clock, statistic)}


def single(decided: Callable[[Sequence[float]], Outcome | None]) -> Decided:
    """Return what decides over the numbers of one clock."""
    return lambda logs: decided([value for each in logs for value in each.values() if value is not None])
