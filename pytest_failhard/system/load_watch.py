"""Watches a system beside a load: whether it says that it is ready, its memory, its processes."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import psutil

from pytest_failhard.system.load_client import Target

POLL_SECONDS = 0.05
POLL_WITHIN = 1.0
SAMPLE_SECONDS = 0.5
FEWEST_SAMPLES = 6
"""Two in each third: with fewer a growth says nothing."""
OK = 200
_Identity = tuple[int, float]
Family = Callable[[], Iterable[int]]


class Watched:
    """What was seen. Its lists are complete when the watch is over."""

    def __init__(self) -> None:
        self.polls = 0
        self.healthy = 0
        self.memory: list[int] = []
        """The resident bytes of all processes of the system together, at each sample."""
        self.before: frozenset[_Identity] = frozenset()
        self.after: frozenset[_Identity] = frozenset()

    @property
    def health(self) -> Fraction | None:
        """The exact share of polls that were answered with 200; None where nothing was polled."""
        return Fraction(self.healthy, self.polls) if self.polls else None

    @property
    def restarts(self) -> int:
        """The processes that were there before the load and are not there any more."""
        return len(self.before - self.after)

    @property
    def growth_percent(self) -> Fraction | None:
        """By how much the median of the last third of the memory samples is above that of the first.

        None where there are fewer than 6 samples.
        """
        third = len(self.memory) // 3
        if len(self.memory) < FEWEST_SAMPLES:
            return None
        first, last = (int(statistics.median(part)) for part in (self.memory[:third], self.memory[-third:]))
        return Fraction(100 * (last - first), first) if first else None


@contextlib.contextmanager
def watching(
    target: Target,
    family: Family,
    ready: str,
    *,
    poll_seconds: float = POLL_SECONDS,
    sample_seconds: float = SAMPLE_SECONDS,
) -> Iterator[Watched]:
    """Watch a system while the block runs: once at least, and again after so many seconds each.

    `family` gives the ids of its processes that live.
    """
    watched = Watched()
    over = threading.Event()

    def polls() -> None:
        watched.healthy += _is_ready(target, ready)
        watched.polls += 1

    def samples() -> None:
        watched.memory.append(sum(memory for _identity, memory in resident(family())))

    threads = [
        threading.Thread(target=_again, args=(each, seconds, over), name="watch")
        for each, seconds in ((polls, poll_seconds), (samples, sample_seconds))
    ]
    watched.before = frozenset(identity for identity, _memory in resident(family()))
    for thread in threads:
        thread.start()
    try:
        yield watched
    finally:
        over.set()
        for thread in threads:
            thread.join()
        watched.after = frozenset(identity for identity, _memory in resident(family()))


def resident(pids: Iterable[int]) -> Iterator[tuple[_Identity, int]]:
    """Return id and start of each of these processes that lives, and its resident bytes."""
    for pid in pids:
        # One of them may end while we look.
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            yield (pid, process.create_time()), process.memory_info().rss


def _again(look: Callable[[], None], seconds: float, over: threading.Event) -> None:
    began = time.monotonic()
    for number in itertools.count(1):
        look()
        if over.wait(max(0.0, began + number * seconds - time.monotonic())):
            return


def _is_ready(target: Target, path: str) -> bool:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=POLL_WITHIN)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
