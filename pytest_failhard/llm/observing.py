"""Turns a piece of running code into an outcome: how it ended, with which exceptions, in which time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, TracebackType

from pytest_failhard.llm.verdicts.outcome import Link, Outcome

DEEPEST_CHAIN = 32


class DeadlineError(BaseException):
    """The watched code was still running at its deadline. No Exception: nothing between us may catch it."""


@dataclass(kw_only=True)
class Seen:
    """What a watched block left behind. The test sets `result` to what the system answered.

    `raised` is the exception that ended the block, None where it ran to its end.
    """

    result: object = None
    raised: BaseException | None = None
    seconds: float = 0.0
    late: bool = False

    @property
    def outcome(self) -> Outcome:
        """Return the same as the verdicts read it."""
        return Outcome(
            form="callable",
            ended=not self.late,
            produced=self.raised is None,
            result="" if self.result is None else str(self.result),
            chain=chain(self.raised),
            seconds=self.seconds,
        )


def chain(error: BaseException | None) -> tuple[Link, ...]:
    """Return an exception and all that caused it, outermost first."""
    links: list[Link] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(links) < DEEPEST_CHAIN:
        seen.add(id(error))
        kind = type(error)
        links.append(Link(type=f"{kind.__module__}.{kind.__qualname__}", text=str(error)))
        error = error.__cause__ or error.__context__
    return tuple(links)


class Watch:
    """A block whose end is kept: `with Watch(seconds) as seen`.

    One that runs too long is ended where this platform can: only the main thread of a POSIX system can be
    interrupted, and only while nobody else uses its alarm; elsewhere the block is late when it returns.
    Exceptions of the system under test are kept, and not passed on; what pytest raises, what a person
    raises with Ctrl-C, and an assertion in the block itself pass through.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.seen = Seen()
        self._alarm = _alarm(seconds)
        self._began = 0.0

    def __enter__(self) -> Seen:
        self._began = time.monotonic()
        self._alarm.__enter__()
        return self.seen

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._alarm.__exit__(None, None, None)
        seen = self.seen
        seen.seconds = time.monotonic() - self._began
        seen.raised = error
        seen.late = isinstance(error, DeadlineError) or seen.seconds > self.seconds
        own = isinstance(error, AssertionError) and trace is not None and trace.tb_next is None
        return isinstance(error, (Exception, DeadlineError)) and not own


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    if not _is_free():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise DeadlineError(f"still running after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_free() -> bool:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        return False
    return signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
