"""One benchmark after the other, in lock-step with the parent: ready, batches, done."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import proof
from .channel import Channel
from .counting import Counters
from .faults import describe
from .place import Place
from .plugins import Feed
from .work import SLOW_NS, Work, batch, calibrate, injection, lazy

BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit of `ru_maxrss`."""


@dataclass
class Case:
    """What became of one benchmark so far."""

    id: str
    pinned: bool = True
    outcome: str = "passed"
    phase: str = "call"
    used: bool = False
    measured: bool = False
    lazy: str = ""
    repeat: bool = False
    errors: dict[str, BaseException] = field(default_factory=dict)

    def report(self, phase: str, outcome: str) -> None:
        """Take the outcome of a phase: the first that is not a pass is the test's."""
        if self.outcome == "passed" and outcome != "passed":
            self.outcome, self.phase = outcome, phase

    def done(self) -> dict[str, object]:
        """Return what the parent is told at the end."""
        error = self.errors.get(self.phase)
        described = None if error is None else describe(error)
        if described is not None and self.repeat:
            described["message"] = f"the target cannot be repeated, give setup=: {described['message']}"
        return {
            "done": self.id,
            "outcome": self.outcome,
            "phase": self.phase,
            "measured": self.measured,
            "peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES,
            "lazy": self.lazy,
            "repeat": self.repeat,
            "error": described,
        }


class UsedTwiceError(Exception):
    """One test is one benchmark."""


class Loop:
    """Serves the benchmark whose test runs. `adjusted` tells whether delays can be had."""

    def __init__(self, channel: Channel, counters: Counters, place: Place, *, adjusted: bool) -> None:
        self._channel = channel
        self._counters = counters
        self._place = place
        self._adjusted = adjusted
        self.counting = False
        self.case = Case("")

    def serve(self, work: Work, feed: Feed) -> object:
        """Measure what a test asks for and return a result of it."""
        case = self.case
        if case.used:
            raise UsedTwiceError("a benchmark fixture can be used once in a test")
        case.used = True
        began = time.perf_counter_ns()
        result = work.once()
        first = time.perf_counter_ns() - began
        case.lazy = lazy(result)
        if case.lazy:
            return result
        # A call that takes long is not made for its result alone; any other result is not kept meanwhile.
        kept = [result] if first > SLOW_NS else []
        del result
        try:
            self._repeat(work, first, feed)
            return kept[0] if kept else work.once()
        except Exception:
            case.repeat = True
            raise

    def _repeat(self, work: Work, first: int, feed: Feed) -> None:
        if self.counting:
            self._channel.send({"counted": self.case.id, **self._counters.count(work, first)})
            feed(1, [first / 1e9])
        else:
            self._measure(work, feed)
        self.case.measured = True

    def _measure(self, work: Work, feed: Feed) -> None:
        affinity = self._place.measure(pinned=self.case.pinned)
        calls, call = calibrate(work)
        self._channel.send(
            {
                "ready": self.case.id,
                "mode": work.mode,
                "calls": calls,
                "call_ns": call,
                "affinity": affinity,
                "traced": proof.traced(),
            }
        )
        seconds: list[float] = []
        while not (order := self._channel.receive()).get("stop"):
            calls = int(str(order["go"]))
            spent = batch(work, calls, injection(_shares(order.get("inject"))))
            seconds.append(spent.wall / 1e9)
            self._channel.send({"batch": spent.batch(adjusted=self._adjusted and self.case.pinned)})
        self._place.note()
        self._place.prepare(pinned=self.case.pinned)
        feed(calls, seconds)


def _shares(value: object) -> Mapping[str, float] | None:
    return {str(kind): float(part) for kind, part in value.items()} if isinstance(value, dict) else None
