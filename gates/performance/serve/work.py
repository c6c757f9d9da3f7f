"""What a benchmark repeats, and how a batch of it is timed."""

from __future__ import annotations

import gc
import inspect
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from . import clocks
from .clocks import Reading, Spent

ENOUGH_CPU_NS = 4_000_000
ENOUGH_WALL_NS = 40_000_000
SLOW_NS = 500_000_000
"""A call that takes longer has batches of one and is made no more often than it must."""
MOST_PREPARED = 64
"""Calls in a batch whose arguments are made before the clock starts."""
MOST = 100_000_000
"""Calls in a batch of what takes no time at all."""
Arguments = tuple[tuple[object, ...], Mapping[str, object]]
Around = Callable[[Callable[[], object]], object]
Injection = Callable[[Reading], None]


class Work(Protocol):
    """Something that can be done again and again."""

    mode: str

    @property
    def most(self) -> int:
        """How many calls a batch may have."""

    def once(self, around: Around = lambda call: call()) -> object:
        """Do it once, with something around it, and return the result."""

    def timed(self, calls: int, injected: Injection | None = None) -> Spent:
        """Do it so many times and return what that took."""


@dataclass
class Call:
    """`benchmark(function, *args, **kwargs)`."""

    function: Callable[..., object]
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    mode: str = "call"
    most: int = MOST

    def once(self, around: Around = lambda call: call()) -> object:
        """Call it."""
        return around(lambda: self.function(*self.args, **self.kwargs))

    def timed(self, calls: int, injected: Injection | None = None) -> Spent:
        """Call it with the same arguments."""
        function, args, kwargs = self.function, self.args, self.kwargs

        def body() -> None:
            for _ in range(calls):
                function(*args, **kwargs)

        return window(body, injected)


@dataclass
class Pedantic:
    """`benchmark.pedantic(target, ...)`: what is set up for a call and torn down after it is not timed."""

    target: Callable[..., object]
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] | None = None
    setup: Callable[[], Arguments | None] | None = None
    teardown: Callable[..., object] | None = None
    mode: str = "pedantic"
    makes_arguments: bool = field(default=False, init=False)

    @property
    def most(self) -> int:
        """How many calls a batch may have."""
        return MOST_PREPARED if self.setup or self.teardown else MOST

    def once(self, around: Around = lambda call: call()) -> object:
        """Set up, call, tear down."""
        args, kwargs = self._arguments()
        result = around(lambda: self.target(*args, **kwargs))
        self._tear_down(args, kwargs)
        return result

    def timed(self, calls: int, injected: Injection | None = None) -> Spent:
        """Time the calls alone.

        Arguments are made for the whole batch first. But a setup that returns none prepares a state which
        a call uses up, and what is torn down is torn down before the next: then the clock stops in between.
        """
        if self.setup is None and self.teardown is None:
            return Call(self.target, self.args, self.kwargs or {}).timed(calls, injected)
        if self.makes_arguments and self.teardown is None:
            return self._together(calls, injected)
        spent = Spent()
        for _ in range(calls):
            spent += self._alone(injected)
        return spent

    def _together(self, calls: int, injected: Injection | None) -> Spent:
        prepared = [self._arguments() for _ in range(calls)]
        target = self.target

        def body() -> None:
            for args, kwargs in prepared:
                target(*args, **kwargs)

        return window(body, injected)

    def _alone(self, injected: Injection | None) -> Spent:
        args, kwargs = self._arguments()

        def body() -> None:
            self.target(*args, **kwargs)

        spent = window(body, injected)
        self._tear_down(args, kwargs)
        return spent

    def _arguments(self) -> Arguments:
        made = self.setup() if self.setup is not None else None
        if not made:
            return self.args, self.kwargs or {}
        if self.args or self.kwargs:
            raise TypeError("Can't use `args` or `kwargs` if `setup` returns the arguments.")
        self.makes_arguments = True
        args, kwargs = made
        return args, kwargs

    def _tear_down(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        if self.teardown is not None:
            self.teardown(*args, **kwargs)


def window(body: Callable[[], None], injected: Injection | None = None) -> Spent:
    """Run the body between two readings of the clocks."""
    before = clocks.start()
    body()
    if injected is not None:
        injected(before)
    return clocks.difference(before, clocks.stop())


def injection(wanted: Mapping[str, float] | None) -> Injection | None:
    """Return what makes a batch slower by a part of itself: by work, or by waiting."""
    if not wanted:
        return None
    kind, part = next(iter(wanted.items()))

    def burn(before: Reading) -> None:
        end = time.thread_time_ns() + int(part * (time.process_time_ns() - before.cpu))
        while time.thread_time_ns() < end:
            pass

    def wait(before: Reading) -> None:
        time.sleep(part * (time.perf_counter_ns() - before.wall) / 1e9)

    return {"cpu": burn, "wall": wait}[kind]


def batch(work: Work, calls: int, injected: Injection | None = None) -> Spent:
    """Time a batch after a collection and a quarter of it that does not count."""
    forget_logs()
    gc.collect()
    if calls // 4:
        work.timed(calls // 4)
    return work.timed(calls, injected)


def forget_logs() -> None:
    """Have pytest forget the records of earlier batches: it keeps each, and so each call would cost more."""
    for handler in logging.getLogger().handlers:
        if type(handler).__module__ == "_pytest.logging" and hasattr(handler, "reset"):
            handler.reset()


def calibrate(work: Work) -> tuple[int, int]:
    """Warm up; return the calls of a batch that lasts long enough, and the wall time of one.

    The work was done once before. That says nothing: a first call imports, compiles, connects.
    """
    spent = work.timed(1)
    if spent.wall > SLOW_NS:
        return 1, spent.wall
    calls, spent = _grown(work, 1, work.timed(1))
    if calls > 1:
        # What was measured while caches were cold makes batches that are too short.
        calls, spent = _grown(work, calls, work.timed(calls))
    return calls, max(1, spent.wall // calls)


def _grown(work: Work, calls: int, spent: Spent) -> tuple[int, Spent]:
    """Return as many calls as are enough and what they took, from a number of calls and what these took."""
    while calls < work.most and not _is_enough(spent):
        calls = min(work.most, max(calls + 1, math.ceil(calls * min(10.0, _missing(spent)))))
        spent = work.timed(calls)
    return calls, spent


def _is_enough(spent: Spent) -> bool:
    return spent.cpu + spent.children >= ENOUGH_CPU_NS or _passed(spent) >= ENOUGH_WALL_NS


def _missing(spent: Spent) -> float:
    """Return the factor to the nearer of both aims."""
    return min(ENOUGH_CPU_NS / max(1, spent.cpu + spent.children), ENOUGH_WALL_NS / max(1, _passed(spent)))


def _passed(spent: Spent) -> int:
    """Return the time without that spent waiting for a processor: neighbours make no batch shorter."""
    return spent.wall - max(0, spent.delay)


def lazy(result: object) -> str:
    """Name the kind of a result that stands for work which was not done, empty for any other."""
    kinds: dict[str, Callable[[object], bool]] = {
        "coroutine": inspect.iscoroutine,
        "generator": inspect.isgenerator,
        "async generator": inspect.isasyncgen,
    }
    return next((name for name, matches in kinds.items() if matches(result)), "")
