"""Puts declared routes under load: as fast as answers come, for a time, or at a pace."""

from __future__ import annotations

import abc
import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pytest_failhard.model import GateError
from pytest_failhard.system.declaration import Route
from pytest_failhard.system.load_client import Client, Heard, Target, chains, unheard
from pytest_failhard.system.load_counts import Load, Round, summed

ROUNDS = 3
"""Counts are summed, a percentile is the median of the rounds': the protocol, and no second try."""
WARM_UP = 200
ROUND_SECONDS = 60.0
"""A round that takes longer is cut off; what was due and not sent counts as not answered."""
WITHIN_SECONDS = 10.0
"""So long one answer is waited for."""
JOIN_SECONDS = 0.05
_Chain = tuple[Route, ...]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How the load is put on. Times are in seconds; `heard` gets the first answer of each status a client."""

    concurrency: int
    rounds: int = ROUNDS
    warm_up: int = WARM_UP
    round_seconds: float = ROUND_SECONDS
    within: float = WITHIN_SECONDS
    heard: Heard = field(default=unheard)

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.rounds < 1:
            raise ValueError(f"a load needs a client and a round: {self.concurrency}, {self.rounds}")


def closed(target: Target, routes: Sequence[Route], requests: int, protocol: Protocol) -> Load:
    """Send so many requests, rounded up to the same number for each route; each client waits for its answer.

    Raises GateError where there is no route.
    """
    work = _work(routes)
    _warm_up(target, routes, work, protocol)
    cycles = -(-requests // (len(routes) * protocol.rounds))
    rounds = [
        _round(target, routes, protocol, _Counted(work, cycles * len(work), protocol.round_seconds))
        for _ in range(protocol.rounds)
    ]
    return Load(concurrency=protocol.concurrency, rounds=tuple(rounds))


def timed(target: Target, routes: Sequence[Route], seconds: float, protocol: Protocol) -> Load:
    """Send for so many seconds, split over the rounds; each client waits for its answer."""
    work = _work(routes)
    _warm_up(target, routes, work, protocol)
    rounds = [
        _round(target, routes, protocol, _Timed(work, seconds / protocol.rounds, threading.Event()))
        for _ in range(protocol.rounds)
    ]
    return Load(concurrency=protocol.concurrency, rounds=tuple(rounds))


def paced(target: Target, routes: Sequence[Route], rps: float, seconds: float, protocol: Protocol) -> Load:
    """Send `rps` requests a second, whatever comes back; the time of each counts from when it was due.

    So a system that stalls is not excused by clients that wait for it.
    """
    work = _work(routes)
    _warm_up(target, routes, work, protocol)
    length = seconds / protocol.rounds
    rounds = [
        _round(target, routes, protocol, _Paced(work, rps, length, protocol.round_seconds, threading.Event()))
        for _ in range(protocol.rounds)
    ]
    return Load(concurrency=protocol.concurrency, rounds=tuple(rounds), rps=rps)


class Beside:
    """A load that runs beside something else. `load` is what it counted, once that is over."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.began = threading.Event()
        """Set as soon as the load runs."""
        self._load: Load | None = None

    @property
    def load(self) -> Load:
        """What was counted; raises GateError while the load still runs."""
        if self._load is None:
            raise GateError("the load still runs: its counts are complete when the block is over")
        return self._load

    def finished(self, load: Load) -> None:
        """Note what was counted."""
        self._load = load


def warm(target: Target, routes: Sequence[Route], seconds: float, protocol: Protocol) -> Round:
    """Send the requests of a warm-up, for at most so many seconds, and return what came back."""
    work = _work(routes)
    turns = -(-protocol.warm_up // len(routes)) * len(work)
    return _round(target, routes, protocol, _Counted(work, turns, seconds))


def window(target: Target, routes: Sequence[Route], seconds: float, protocol: Protocol) -> Round:
    """Send for so many seconds, once and without a warm-up; each client waits for its answer.

    What has begun by then is ended, so that all that the system did is in the counts; there is one turn at
    least. The caller measures around it: windows of two systems can alternate.
    """
    return _round(target, routes, protocol, _Timed(_work(routes), seconds, threading.Event(), fewest=1))


@contextlib.contextmanager
def under(
    target: Target,
    routes: Sequence[Route],
    protocol: Protocol,
    *,
    seconds: float,
    rps: float | None = None,
) -> Iterator[Beside]:
    """Keep the load up beside the block, for `seconds` or until the block is over, whichever is first.

    It is one round, without a warm-up. Without `rps` each client sends as soon as it has its answer.
    """
    work = _work(routes)
    beside = Beside()
    source: _Source
    if rps is None:
        source = _Timed(work, seconds, beside.stop)
    else:
        source = _Paced(work, rps, seconds, seconds + protocol.within, beside.stop)

    def run() -> None:
        counted = _round(target, routes, protocol, source, began=beside.began)
        beside.finished(Load(concurrency=protocol.concurrency, rounds=(counted,), rps=rps))

    thread = threading.Thread(target=run, name="load")
    thread.start()
    try:
        beside.began.wait()
        yield beside
    finally:
        beside.stop.set()
        thread.join()


class _Source(abc.ABC):
    """Hands out what is to be sent: a group of routes, and for each when its time begins to count."""

    def start(self) -> None:
        """Begin to count the time."""
        self.began = time.monotonic()

    @abc.abstractmethod
    def next(self) -> tuple[_Chain, Callable[[], float | None]] | None:
        """Return a group and what waits for the moment of each of its requests; None at the end."""


class _Counted(_Source):
    """A number of turns. When its time is over it hands out the rest as not to be sent."""

    def __init__(self, work: Sequence[_Chain], turns: int, limit: float) -> None:
        self._work = work
        self._turns = turns
        self._limit = limit
        # One step of the interpreter, so no lock.
        self._numbers = itertools.count()

    def next(self) -> tuple[_Chain, Callable[[], float | None]] | None:
        """Return the next group in turn."""
        number = next(self._numbers)
        return (self._work[number % len(self._work)], self._due) if number < self._turns else None

    def _due(self) -> float | None:
        now = time.monotonic()
        return now if now - self.began < self._limit else None


class _Timed(_Source):
    """As many turns as fit into a time, `fewest` also where none does. A turn that has begun is ended."""

    def __init__(
        self, work: Sequence[_Chain], seconds: float, stop: threading.Event, *, fewest: int = 0
    ) -> None:
        self._work = work
        self._fewest = fewest
        self._seconds = seconds
        self._stop = stop
        self._numbers = itertools.count()

    def next(self) -> tuple[_Chain, Callable[[], float | None]] | None:
        """Return the next group in turn while there is time."""
        number = next(self._numbers)
        is_over = time.monotonic() - self.began >= self._seconds and number >= self._fewest
        if self._stop.is_set() or is_over:
            return None
        return self._work[number % len(self._work)], time.monotonic


class _Paced(_Source):
    """A slot for each request, so and so many a second."""

    def __init__(
        self, work: Sequence[_Chain], rps: float, seconds: float, limit: float, stop: threading.Event
    ) -> None:
        self._work = work
        self._rps = rps
        self._slots = int(rps * seconds)
        self._limit = limit
        self._stop = stop
        self._lock = threading.Lock()
        self._taken = 0
        self._turn = 0

    def next(self) -> tuple[_Chain, Callable[[], float | None]] | None:
        """Return the next group with a slot for each of its requests."""
        with self._lock:
            if self._stop.is_set() or self._taken >= self._slots:
                return None
            chain = self._work[self._turn % len(self._work)]
            first = self._taken
            self._turn += 1
            self._taken += len(chain)
        slots = iter(range(first, first + len(chain)))
        return chain, lambda: self._due(next(slots))

    def _due(self, slot: int) -> float | None:
        moment = self.began + slot / self._rps
        while (left := moment - time.monotonic()) > 0:
            if self._stop.wait(left):
                return time.monotonic()
        return moment if time.monotonic() - self.began < self._limit else None


def _work(routes: Sequence[Route]) -> tuple[_Chain, ...]:
    if not routes:
        raise GateError("no route is declared: nothing can be put under load")
    return chains(routes)


def _warm_up(target: Target, routes: Sequence[Route], work: Sequence[_Chain], protocol: Protocol) -> None:
    cycles = -(-protocol.warm_up // len(routes))
    if cycles:
        _round(target, routes, protocol, _Counted(work, cycles * len(work), protocol.round_seconds))


def _round(
    target: Target,
    routes: Sequence[Route],
    protocol: Protocol,
    source: _Source,
    began: threading.Event | None = None,
) -> Round:
    clients = [
        Client(target, routes, reconnects=index % 2 == 1, within=protocol.within, heard=protocol.heard)
        for index in range(protocol.concurrency)
    ]
    threads = [threading.Thread(target=_work_off, args=(client, source), name="load") for client in clients]
    process = time.process_time()
    source.start()
    for thread in threads:
        thread.start()
    if began is not None:
        began.set()
    for thread in threads:
        while thread.is_alive():
            thread.join(JOIN_SECONDS)
            now = time.monotonic()
            for client in clients:
                client.expire(now)
    return Round(
        routes=summed([client.tallies[route.id].counts(route) for route in routes] for client in clients),
        wall_seconds=time.monotonic() - source.began,
        cpu_seconds=sum(client.cpu_seconds for client in clients),
        process_cpu_seconds=time.process_time() - process,
        began=source.began,
    )


def _work_off(client: Client, source: _Source) -> None:
    began = time.thread_time()
    try:
        while (given := source.next()) is not None:
            chain, due = given
            client.turn(chain, due)
    finally:
        client.close()
        client.cpu_seconds = time.thread_time() - began
