"""What was measured: batches of calls, a side's sample, a pair of fresh processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SideName = Literal["base", "head"]
CPU, CPU_MEAN, ADJ, WALL = "cpu", "cpu_mean", "adj", "wall"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One timed batch of calls; all in nanoseconds, for the whole batch.

    `cpu` is the process's own, `children` that of children which ended and were waited for. `delay` is the
    time spent runnable without a processor. `adj` is `max(cpu + children, wall - delay)`, None where the
    threads' accounts do not add up.
    """

    wall: int
    cpu: int
    children: int
    delay: int
    adj: int | None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one side did in one pair: batches of `calls` calls each. `peak_rss` is in bytes, 0 for unknown."""

    calls: int
    batches: tuple[Batch, ...]
    peak_rss: int = 0


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What the machine was doing meanwhile; it explains and never excuses. None where it cannot be had.

    `pressure` is PSI's `some avg10` in percent, `steal` and `delay` are shares of 1, `throttled` counts
    periods of the own control group, of all its `periods` meanwhile.
    """

    load: float | None = None
    pressure: float | None = None
    steal: float | None = None
    delay: float | None = None
    throttled: int | None = None
    periods: int | None = None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One benchmark in one pair of fresh processes. `cpu` is the processor both were pinned to, if any."""

    number: int
    seed: int
    cpu: int | None
    first: SideName
    base: Sample
    head: Sample
    conditions: Conditions = field(default_factory=Conditions)


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark as head's collection names it. `id` is a node id, `route:<id>`, `import:<package>`, ...

    `limit` is its own `max_regression` as decimal text, never looser than the rule's, empty for the rule's.
    `budget_ms` bounds one that the base does not have. `clocks` are further ones that must hold.
    """

    id: str
    limit: str = ""
    budget_ms: str = ""
    pin: bool = True
    clocks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a side has no numbers of a benchmark.

    `kind` is `skipped`, `failed`, `unused` (the fixture was not called), `absent` (not collected),
    `not-repeatable`, `lazy`, `died`. `phase` is pytest's. `error` is the exception's type; `name` and `owner`
    are those of an ImportError or an AttributeError: the missing name, and the module or class that lacks it.
    """

    kind: str
    phase: str = ""
    error: str = ""
    name: str = ""
    owner: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """One call under the counters, equal in two calls or `steady` is false. `memory` is a peak in bytes.

    `functions` are product functions that ran, by `path::qualname`, with how often; `sql` counts statements.
    """

    memory: int
    functions: Mapping[str, int]
    sql: int = 0
    opcodes: int | None = None
    steady: bool = True
