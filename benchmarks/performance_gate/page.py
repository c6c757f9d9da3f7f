"""Writes kept results as tables for a reader: only what is there, with its numbers and days."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.performance_gate.machine import sentence
from benchmarks.performance_gate.rates import Count

LEVELS = {"0b": "A/A", "5": "+5", "10": "+10", "15": "+15", "20": "+20", "30": "+30"}
NOISES = ("quiet", "noisy")
NOTHING = "-"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What `rates.jsonl` says."""

    machine: Mapping[str, str]
    pairs: Mapping[str, Mapping[str, int]]
    loads: Mapping[str, Sequence[float]]
    achieved: Mapping[str, Mapping[str, float]]
    spreads: Mapping[str, Mapping[str, Sequence[float]]]
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
    """Return how many pairs each workload has, how slow its levels were, and how pairs differ."""
    levels = ("5", "10", "15", "20", "30")
    rows = [
        "| workload | pairs quiet, noisy | achieved "
        + " ".join(f"+{level}" for level in levels)
        + " | SD of one pair, median wall: quiet, noisy | min CPU: quiet, noisy |",
        "|---|---|---|---|---|",
    ]
    for workload, pairs in rates.pairs.items():
        achieved = " ".join(f"{rates.achieved[workload][level]:.3f}" for level in levels)
        spreads = rates.spreads[workload]
        wall, cpu = (
            ", ".join(f"{100 * spreads[noise][place]:.1f} %" for noise in NOISES if noise in spreads)
            for place in (0, 1)
        )
        sizes = ", ".join(str(pairs.get(noise, 0)) for noise in NOISES)
        rows.append(f"| {workload} | {sizes} | {achieved} | {wall} | {cpu} |")
    return "\n".join(rows) + "\n"


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
    parts = (conditions(rates), methods_table(rates), sizes_table(rates), sequences_table(rates))
    return "\n".join(parts)
