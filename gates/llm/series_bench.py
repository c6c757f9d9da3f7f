"""What a series works on: the systems of one call, side by side, and the sheet that it fills in."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.declaration import LlmSettings
    from pytest_failhard.gates.llm.healthy import Healthy
    from pytest_failhard.gates.llm.lanes import Lane, Met
    from pytest_failhard.gates.llm.sheet import Sheet
    from pytest_failhard.llm.calls import Call
    from pytest_failhard.model import Run


@dataclass(frozen=True, kw_only=True)
class Bench:
    """All that a series needs of one call."""

    seen: Healthy
    lanes: tuple[Lane, ...]
    """At least one, each with a system of its own."""
    sheet: Sheet
    facts: dict[str, object] = field(default_factory=dict)
    """What `matrix.json` says of the series, by its name."""

    @property
    def call(self) -> Call:
        """The call under test."""
        return self.seen.call

    @property
    def settings(self) -> LlmSettings:
        """What the project declares."""
        return self.seen.settings

    @property
    def run(self) -> Run:
        """The gate's run."""
        return self.lanes[0].ground.run

    def over(self, count: int, meet: Callable[[Lane, int], Met]) -> tuple[Met, ...]:
        """Make calls numbered from 1, each lane one at a time and all lanes at once; keep their records.

        A system that keeps count of calls or failures is a fresh one, and again before its limits are met.
        """
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(1, count + 1):
            waiting.put(number)

        def work(lane: Lane) -> list[tuple[int, Met]]:
            made: list[tuple[int, Met]] = []
            while (number := _next(waiting)) is not None:
                if lane.memory.is_full(self.settings) or (not made and self.settings.remembers):
                    lane.renew()
                met = meet(lane, number)
                self.sheet.record(met.ledger)
                made.append((number, met))
            return made

        with ThreadPoolExecutor(max_workers=len(self.lanes), thread_name_prefix="failhard-llm") as pool:
            made = [pair for each in list(pool.map(work, self.lanes)) for pair in each]
        return tuple(met for _, met in sorted(made, key=lambda pair: pair[0]))


def _next(waiting: queue.SimpleQueue[int]) -> int | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None
