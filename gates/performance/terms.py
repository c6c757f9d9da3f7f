"""What is decided under, from the settings: limits, numbers of pairs, time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pytest_failhard.gates.performance.samples import Benchmark
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.statistics import Terms


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The rule for all benchmarks. `max_regression` and `final_width` are parts of 1, exact."""

    max_regression: Fraction = Fraction("0.15")
    final_width: Fraction = Fraction("0.10")
    fewest: int = 3
    usual: int = 12
    most: int = 24
    max_seconds: float = 60.0

    @property
    def limit(self) -> Fraction:
        """The ratio above which head is slower."""
        return 1 + self.max_regression

    def limit_of(self, benchmark: Benchmark) -> Fraction:
        """Return the ratio for one benchmark: its own where that is stricter."""
        own = Fraction(benchmark.limit) if benchmark.limit else self.max_regression
        return 1 + min(own, self.max_regression)

    def terms(self, benchmark: Benchmark, benchmarks: int) -> Terms:
        """Return what one of so many benchmarks is decided under."""
        return Terms(
            limit=self.limit_of(benchmark),
            benchmarks=benchmarks,
            final_width=self.final_width,
            fewest=self.fewest,
            usual=self.usual,
            most=self.most,
        )


def rule(settings: PerformanceSettings) -> Rule:
    """Return the rule that the settings state."""
    fewest, usual, most = settings.pairs
    return Rule(
        max_regression=Fraction(settings.max_regression),
        final_width=Fraction(settings.final_width),
        fewest=fewest,
        usual=usual,
        most=most,
        max_seconds=settings.max_seconds,
    )
