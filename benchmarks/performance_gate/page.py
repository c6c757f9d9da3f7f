"""Writes kept results as tables for a reader: only what is there, with its numbers and days."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.performance_gate import decided
from benchmarks.performance_gate.bounds import at_least, at_most
from benchmarks.performance_gate.decided import (
    GATE,
    NOT_SLOWER,
    SLOWER,
    STORED,
    UNDECIDED,
    Decided,
    Run,
)
from benchmarks.performance_gate.machine import sentence
from benchmarks.performance_gate.rates import ClockRow, Count

LEVELS = {"0b": "A/A", "5": "+5", "10": "+10", "15": "+15", "20": "+20", "30": "+30"}
NOISES = ("quiet", "noisy")
NOTHING = "-"
ANSWERS = frozenset({SLOWER, NOT_SLOWER, UNDECIDED})
ONE_PAIR = """\
How one pair differs from the next (SD of the logarithm of the ratio, nothing being slower), and in how many
percent of pairs, in both directions, the ratio is above the limit at A/A, +20 and +30:
"""
EXPECTED_FROM = 20
"""From so many percent on a slowdown must be found."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What `rates.jsonl` says."""

    machine: Mapping[str, str]
    pairs: Mapping[str, Mapping[str, int]]
    loads: Mapping[str, Sequence[float]]
    achieved: Mapping[str, Mapping[str, float]]
    clocks: Sequence[ClockRow]
    counts: tuple[Count, ...]

    @classmethod
    def of(cls, text: str) -> Rates:
        """Read the lines."""
        head, *lines = [json.loads(line) for line in text.splitlines()]
        counts = [Count(**{**line, "disjoint": tuple(line["disjoint"])}) for line in lines]
        return cls(**head, counts=tuple(counts))


def methods_table(rates: Rates) -> str:
    """Return percent of decisions that fail, a row a method."""
    found = {(count.method, count.noise, count.level): count for count in rates.counts}
    rows = [
        "| method | quiet: " + " ".join(LEVELS.values()) + " | noisy: " + " ".join(LEVELS.values()) + " |",
        "|---|---|---|",
    ]
    for method in dict.fromkeys(count.method for count in rates.counts):
        cells = []
        for noise in NOISES:
            counts = [found.get((method, noise, level)) for level in LEVELS]
            cells.append(" ".join(f"{count.percent:.1f}" if count else NOTHING for count in counts))
        cells = [NOTHING if set(cell) <= {NOTHING, " "} else cell for cell in cells]
        rows.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def sequences_table(rates: Rates) -> str:
    """Return what the methods with several pairs need, and what they say where no two decisions share one."""
    names = " ".join(LEVELS.values())
    rows = [
        (
            f"| method | noise | undecided %: {names} | pairs per decision: {names} "
            f"| disjoint, fails / decisions: {names} |"
        ),
        "|---|---|---|---|---|",
    ]
    found: dict[tuple[str, str], list[Count]] = {}
    for count in rates.counts:
        if count.method.startswith(("sequential", "the gate")):
            found.setdefault((count.method, count.noise), []).append(count)
    for (method, noise), counts in sorted(found.items(), key=lambda each: NOISES.index(each[0][1])):
        undecided = " ".join(f"{100 * count.undecided / count.n:.1f}" for count in counts)
        pairs = " ".join(f"{count.pairs / count.n:.1f}" for count in counts)
        disjoint = " ".join("{1}/{0}".format(*count.disjoint) for count in counts)
        rows.append(f"| {method} | {noise} | {undecided} | {pairs} | {disjoint} |")
    return "\n".join(rows) + "\n"


def sizes_table(rates: Rates) -> str:
    """Return how many pairs each workload has, and how slow its levels were."""
    levels = ("5", "10", "15", "20", "30")
    names = " ".join(f"+{level}" for level in levels)
    rows = [f"| workload | pairs quiet, noisy | achieved {names} |", "|---|---|---|"]
    for workload, pairs in rates.pairs.items():
        achieved = " ".join(f"{rates.achieved[workload][level]:.3f}" for level in levels)
        sizes = ", ".join(str(pairs.get(noise, 0)) for noise in NOISES)
        rows.append(f"| {workload} | {sizes} | {achieved} |")
    return "\n".join(rows) + "\n"


def clocks_table(rates: Rates) -> str:
    """Return how much pairs differ by each clock, and what one pair alone says."""
    names = list(next(iter(rates.clocks), {"figures": {}})["figures"])
    rows = [f"| workload | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in rates.clocks:
        cells = [_spread(row["figures"].get(name)) for name in names]
        rows.append(f"| {row['workload']} {row['noise']} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _spread(figures: Sequence[float] | None) -> str:
    if not figures:
        return NOTHING
    spread, *shares = (100 * figure for figure in figures)
    return f"{spread:.1f} %; {' '.join(f'{share:.0f}' for share in shares)}"


def conditions(rates: Rates) -> str:
    """Return what was measured on, and how busy it was."""
    busy = "; ".join(
        f"{noise}: {low:.1f} to {high:.1f}, median {middle:.1f}"
        for noise, (low, middle, high) in rates.loads.items()
    )
    total = sum(sum(sizes.values()) for sizes in rates.pairs.values())
    return f"{total} pairs on {sentence(rates.machine)}. Load average {busy}.\n"


def of_rates(text: str) -> str:
    """Return all that the recorded pairs say."""
    rates = Rates.of(text)
    parts = (
        conditions(rates),
        methods_table(rates),
        sizes_table(rates),
        ONE_PAIR,
        clocks_table(rates),
        sequences_table(rates),
    )
    return "\n".join(parts)


@dataclass
class Summary:
    """What was decided in one cell; `errors` are benchmarks, or whole projects, that have no answer."""

    states: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    seconds: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def n(self) -> int:
        """How many decisions."""
        return self.states.total()

    def add(self, run: Run) -> None:
        """Count a run."""
        self.errors += bool(run.error)
        for each in run.decisions:
            if each.state in ANSWERS:
                self.states[each.state] += 1
                self.pairs += each.pairs
            else:
                self.errors += 1
        if run.decisions:
            self.seconds.append(run.seconds / len(run.decisions))


def summaries(runs: Iterable[Run], tool: str) -> dict[tuple[int, str], Summary]:
    """Return what a tool said, by level and noise."""
    found: dict[tuple[int, str], Summary] = {}
    for run in runs:
        if run.tool == tool:
            found.setdefault((run.level, run.noise), Summary()).add(run)
    return dict(sorted(found.items(), key=lambda each: (each[0][0], NOISES.index(each[0][1]))))


def protocol_table(runs: Sequence[Run]) -> str:
    """Return what the gate decided live, and beside it what the stored comparison fails."""
    rows = [
        (
            "| what | decisions | SLOWER | NOT SLOWER | undecided | errors | pairs per decision "
            "| seconds per benchmark, median (largest) | stored comparison fails |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    stored = summaries(runs, STORED)
    for (level, noise), cell in summaries(runs, GATE).items():
        beside = stored.get((level, noise))
        figures = (
            f"{cell.pairs / cell.n:.1f} | {statistics.median(cell.seconds):.1f} ({max(cell.seconds):.1f})"
            if cell.n
            else f"{NOTHING} | {NOTHING}"
        )
        told = f"{beside.states[SLOWER]} of {beside.n}" if beside else NOTHING
        rows.append(
            f"| {_named(level)} {noise} | {cell.n} | {cell.states[SLOWER]} | {cell.states[NOT_SLOWER]} "
            f"| {cell.states[UNDECIDED]} | {cell.errors} | {figures} | {told} |"
        )
    return "\n".join(rows) + "\n"


def _named(level: int) -> str:
    return f"+{level} %" if level else "A/A"


def bounds_list(runs: Sequence[Run]) -> str:
    """Return what the counts allow to say of the true rates, with one-sided 95 % bounds."""
    rows = []
    for tool, name in ((GATE, "the gate"), (STORED, "the stored comparison")):
        found = summaries(runs, tool)
        for level in sorted({level for level, _ in found}):
            cells = [cell for (each, _), cell in found.items() if each == level]
            n, slower = sum(cell.n for cell in cells), sum(cell.states[SLOWER] for cell in cells)
            if level < EXPECTED_FROM:
                bound = f"at most {100 * at_most(slower, n):.2f} %"
            else:
                bound = f"at least {100 * at_least(slower, n):.1f} %"
            rows.append(f"* {name}, {_named(level)}: fails {slower} of {n}, so the true rate is {bound}.")
    dropped = sum(each.dropped for run in runs for each in run.decisions)
    rows.append(f"* Alarms that the three pairs after them did not confirm: {dropped}.")
    return "\n".join(rows) + "\n"


def workloads_table(achieved: Mapping[str, Mapping[str, float]], runs: Sequence[Run]) -> str:
    """Return how slow each level was, as measured before and as the gate's clocks saw it."""
    seen: dict[tuple[str, int], list[Decided]] = {}
    for run in runs:
        for each in run.decisions if run.tool == GATE else ():
            seen.setdefault((each.workload, run.level), []).append(each)
    levels = sorted({level for _, level in seen})
    rows = [
        "| workload | "
        + " | ".join(f"{_named(level)}: achieved; cpu, adj; SLOWER" for level in levels)
        + " |",
        "|---" * (len(levels) + 1) + "|",
    ]
    for workload in dict.fromkeys(name for name, _ in seen):
        cells = []
        for level in levels:
            decisions = seen.get((workload, level), [])
            known = achieved.get(workload, {}).get(str(level))
            clocks = ", ".join(_middle(decisions, clock) for clock in ("cpu", "adj"))
            slower = sum(each.state == SLOWER for each in decisions)
            cells.append(f"{f'{known:.3f}' if known else NOTHING}; {clocks}; {slower} of {len(decisions)}")
        rows.append(f"| {workload} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _middle(decisions: Sequence[Decided], clock: str) -> str:
    ratios = [each.ratios[clock] for each in decisions if each.ratios and clock in each.ratios]
    return f"{statistics.median(ratios):.3f}" if ratios else NOTHING


def cost_table(runs: Sequence[Run]) -> str:
    """Return seconds per benchmark, the self-check included."""
    rows = [
        "| benchmarks | noise | runs | seconds per benchmark, median (largest) | of these self-check |",
        "|---|---|---|---|---|",
    ]
    found: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        found.setdefault((len(run.decisions), run.noise), []).append(run)
    for (count, noise), each in found.items():
        seconds = [run.seconds / count for run in each]
        checks = statistics.median(run.self_check / count for run in each)
        rows.append(
            f"| {count} | {noise} | {len(each)} | {statistics.median(seconds):.1f} ({max(seconds):.1f}) "
            f"| {checks:.1f} |"
        )
    return "\n".join(rows) + "\n"


def of_protocol(path: Path) -> str:
    """Return all that live decisions say."""
    machine, achieved, runs = decided.read(path)
    parts = (
        f"{len(runs)} runs on {sentence(machine)}.\n",
        protocol_table(runs),
        bounds_list(runs),
        workloads_table(achieved, runs),
    )
    return "\n".join(parts)


def of_cost(path: Path) -> str:
    """Return what decisions cost."""
    machine, _, runs = decided.read(path)
    return f"Measured on {sentence(machine)}.\n\n{cost_table(runs)}"
