"""What a policy and a project say to the gate `performance`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pytest_failhard.model import Option, Settings


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """A benchmark that is not measured: a person says why."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    id: str
    reason: str
    owner: str


@dataclass(frozen=True, kw_only=True)
class PerformanceSettings(Settings):
    """What is measured, and how long.

    `max_regression`, `final_width` are parts of 1 as decimal text. `pairs` are the fewest, the usual most and
    the most at all, `most_pairs` the level's. `max_seconds` is for one benchmark. `files` are globs of test
    files, empty for each test that requests the fixture. `enforce` and `report` name what counts and what is
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
    workloads: tuple[dict[str, Option], ...] = ()
    excluded: tuple[Excluded, ...] = ()
    runner: str = "shared"
    valgrind: bool = False
