"""Turns a piece of running code into an outcome: how it ended, with which exceptions, in which time."""

from __future__ import annotations

import signal
import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from pytest_failhard.llm.verdicts.outcome import Link, Outcome

if TYPE_CHECKING:
    from asyncio import Task

DEEPEST_CHAIN = 32
GRACE_SECONDS = 1.0
"""What a cancelled task has to end in before it is interrupted."""


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
    In a coroutine its task is cancelled first, and what does not heed that within a second is interrupted.
    Exceptions of the system under test are kept, and not passed on; what pytest raises, what a person
    raises with Ctrl-C, and an assertion in the block itself pass through.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.seen = Seen()
        self._alarm = _Alarm(seconds)
        self._began = 0.0

    def __enter__(self) -> Seen:
        self._began = time.monotonic()
        self._alarm.set()
        return self.seen

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._alarm.clear()
        seen = self.seen
        seen.seconds = time.monotonic() - self._began
        seen.raised = error
        ended = isinstance(error, DeadlineError) or self._alarm.cancelled(error)
        seen.late = ended or seen.seconds > self.seconds
        own = isinstance(error, AssertionError) and trace is not None and trace.tb_next is None
        return (ended or isinstance(error, Exception)) and not own


class _Alarm:
    """Ends the code of this thread after some seconds, where that is possible."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_set = False
        self._task: Task[object] | None = None
        self._asked = False

    def set(self) -> None:
        if not _is_free():
            return
        self._task = _current_task()
        signal.signal(signal.SIGALRM, self._ring)
        self._is_set = True
        signal.setitimer(signal.ITIMER_REAL, self._seconds, GRACE_SECONDS)

    def clear(self) -> None:
        if self._is_set:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def cancelled(self, error: BaseException | None) -> bool:
        """Tell whether an exception is our own cancellation; the task is then as if nobody had asked."""
        if self._task is None or not self._asked or type(error).__name__ != "CancelledError":
            return False
        self._task.uncancel()
        return True

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._task is None or self._asked:
            raise DeadlineError(f"still running after {self._seconds:g} seconds")
        # The loop waits in its selector, outside the block: an exception out of here would end the loop.
        self._asked = True
        self._task.get_loop().call_soon_threadsafe(self._task.cancel)


def _current_task() -> Task[object] | None:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        task: Task[object] | None = asyncio.current_task()
    except RuntimeError:
        # No loop runs in this thread.
        return None
    return task


def _is_free() -> bool:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        return False
    return signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
