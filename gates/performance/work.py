"""What the parts of the gate share: the trees, the terms, and all that was seen so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from pytest_failhard.gates.performance import states
from pytest_failhard.gates.performance.duet import Duet
from pytest_failhard.gates.performance.pairs.counting import Counting
from pytest_failhard.gates.performance.pairs.measured import Measured
from pytest_failhard.gates.performance.pairs.series import Conduct
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Trees
from pytest_failhard.gates.performance.states import Judged, Part
from pytest_failhard.model import Finding, Run


@dataclass(kw_only=True)
class Seen:
    """What the gate has seen so far. `measured` are those with pairs, `ratios` what a clock said of each.

    `demanded` are the names of what the project has and the level demands.
    """

    judged: list[Judged] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    measures: dict[str, int | Fraction] = field(default_factory=dict)
    ratios: dict[str, Fraction] = field(default_factory=dict)
    demanded: list[str] = field(default_factory=list)
    counts: Counting | None = None
    """What a call of each benchmark did, where they were counted."""
    timed: bool = False
    """Whether there was a benchmark to be timed: with that one the machine can be checked."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Work:
    """One run of the gate."""

    run: Run
    settings: PerformanceSettings
    trees: Trees
    duet: Duet
    conduct: Conduct
    seen: Seen = field(default_factory=Seen)

    def runs(self, part: Part) -> bool:
        """Tell whether the level enforces a part, or wants to be told of it."""
        return part.value in (*self.settings.enforce, *self.settings.report)

    def enforces(self, part: Part) -> bool:
        """Tell whether the level enforces a part."""
        return part.value in self.settings.enforce

    def judge(self, judged: Iterable[Judged]) -> None:
        """Take in states, and what is to be said of them."""
        for each in judged:
            self.seen.judged.append(each)
            self.seen.findings += states.weighed(each.part, states.findings([each]), self.settings)

    def add(self, part: Part, found: Sequence[Measured]) -> None:
        """Take in what was measured of a part; raises GateError for what gave no numbers."""
        self.seen.measured += found
        self.seen.ratios |= {each.benchmark.id: each.decision.ratio for each in found if each.decision}
        states.require_numbers(found)
        counts = part is Part.BENCHMARKS or self.enforces(part)
        self.judge(replace(states.judged(each, part), counts=counts) for each in found)
