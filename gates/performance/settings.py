"""What a policy and a project say to the gate `performance`."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failhard.gates.performance.declaration import Exclusion, Workload, repeated
from pytest_failhard.model import Settings


@dataclass(frozen=True, kw_only=True)
class PerformanceSettings(Settings):
    """What is measured, and how long.

    `max_regression`, `final_width` are parts of 1 as decimal text. `pairs` are the fewest, the usual most and
    the most at all, `most_pairs` the level's. `max_seconds` is for the set-up and the calls of one benchmark
    in all pairs; starting processes is bounded by the gate's time alone. `files` are globs of test files,
    empty for each test that requests the fixture. `enforce` and `report` name what counts and what is
    only told (what is in both counts): `benchmarks`, `imports`, `memory`, `routes`, `routes/wall`,
    `workloads`, `counters`, `new`, `release`.
    """

    enforce: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    max_regression: str = "0.15"
    final_width: str = "0.10"
    rounds: int = 10
    pairs: tuple[int, ...] = (3, 12, 24)
    most_pairs: int = 24
    max_seconds: int = 60
    self_check: bool = False
    proof: bool = False
    """Whether the benchmark of the self-check must be seen to turn red."""
    files: tuple[str, ...] = ()
    golden_commit: str = ""
    build: tuple[str, ...] = ()
    import_packages: tuple[str, ...] = ()
    workloads: tuple[Workload, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    runner: str = "shared"
    valgrind: bool = False

    def __post_init__(self) -> None:
        """Refuse what is contradictory, all of it at once."""
        found = list(repeated(self.workloads))
        if found:
            raise ValueError("; ".join(found))
