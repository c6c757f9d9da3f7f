"""Puts two servers under load in windows that alternate, and keeps what each window showed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_failhard.gates.performance.routes import server_cpu
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.system import load
from pytest_failhard.system.declaration import Route
from pytest_failhard.system.load_client import Target
from pytest_failhard.system.load_counts import Round, RouteCounts, succeeding, summed

COARSE_SECONDS = 2.0
"""The length of a window where the clock of another process moves in steps of 10 ms."""


@dataclass(frozen=True, kw_only=True)
class WindowProtocol:
    """How a pair of servers is loaded; times in seconds.

    In each round both have a window. `open_pairs` are the first pairs that end with requests at a pace.
    `within` is how long one answer is waited for.
    """

    rounds: int = 6
    seconds: float = field(default=0.5 if sys.platform == "linux" else COARSE_SECONDS)
    concurrency: int = 8
    warm_up: int = 200
    warm_up_seconds: float = 1.0
    open_pairs: int = 3
    open_seconds: float = 1.5
    within: float = load.WITHIN_SECONDS

    @property
    def of_load(self) -> load.Protocol:
        """The same for the load generator."""
        return load.Protocol(concurrency=self.concurrency, rounds=1, warm_up=self.warm_up, within=self.within)


@dataclass(frozen=True, kw_only=True)
class Server:
    """One side's server that runs: where it is asked, and the ids of its processes that live."""

    target: Target
    family: Callable[[], Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class Window:
    """What one side did in one window. `at` is in seconds since the pair's first window began.

    `cpu` are nanoseconds of the server, None where one of its processes came or went. `client_cpu` and
    `process_cpu` are seconds of the threads that sent, and of our whole process.
    """

    side: SideName
    at: float
    wall: float
    cpu: int | None
    routes: tuple[RouteCounts, ...]
    client_cpu: float
    process_cpu: float

    @property
    def requests(self) -> int:
        """The requests that were sent."""
        return sum(route.requests for route in self.routes)


@dataclass(frozen=True, kw_only=True)
class OpenPass:
    """Requests at a pace, whatever comes back: each counts from when it was due.

    `thirds` are the means of what was due and not answered yet, over each third of the time.
    """

    rps: float
    seconds: tuple[float, ...]
    thirds: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class LoadedPair:
    """What a pair of servers showed under one benchmark's load: its windows in time order.

    `warm` is what the warm-up was answered with; `opened` is empty where nothing was sent at a pace.
    """

    windows: tuple[Window, ...]
    warm: Mapping[SideName, tuple[RouteCounts, ...]]
    opened: Mapping[SideName, OpenPass] = field(default_factory=dict)

    def of(self, side: SideName) -> tuple[Window, ...]:
        """Return one side's windows."""
        return tuple(each for each in self.windows if each.side == side)

    def counts(self, side: SideName) -> tuple[RouteCounts, ...]:
        """Return what one side answered over all windows and the warm-up."""
        return summed([self.warm[side], *(each.routes for each in self.of(side))])


def measure(
    servers: Mapping[SideName, Server],
    routes: Sequence[Route],
    *,
    first: SideName,
    paced: bool,
    protocol: WindowProtocol,
) -> LoadedPair:
    """Load both servers in turn: a warm-up that does not count, windows A B B A, requests at a pace."""
    order = _order(first)
    warm = {
        side: load.warm(servers[side].target, routes, protocol.warm_up_seconds, protocol.of_load).routes
        for side in order
    }
    began = time.monotonic()
    windows = tuple(
        _window(side, servers[side], routes, began, protocol)
        for turn in range(protocol.rounds)
        for side in (order if turn % 2 == 0 else order[::-1])
    )
    found = LoadedPair(windows=windows, warm=warm)
    if not paced:
        return found
    rate = max(1.0, capacity(found.of("base")) / 2)
    opened = {side: _paced(servers[side], routes, rate, protocol) for side in order}
    return LoadedPair(windows=found.windows, warm=warm, opened=opened)


def capacity(windows: Sequence[Window]) -> float:
    """Return the requests a second of a side that was asked as fast as it answered."""
    return sum(each.requests for each in windows) / sum(each.wall for each in windows)


def _order(first: SideName) -> tuple[SideName, SideName]:
    return ("base", "head") if first == "base" else ("head", "base")


def _window(
    side: SideName, server: Server, routes: Sequence[Route], began: float, protocol: WindowProtocol
) -> Window:
    at = time.monotonic() - began
    before = server_cpu.read(server.family())
    counted = load.window(server.target, routes, protocol.seconds, protocol.of_load)
    after = server_cpu.read(server.family())
    return Window(
        side=side,
        at=at,
        wall=counted.wall_seconds,
        cpu=server_cpu.between(before, after),
        routes=counted.routes,
        client_cpu=counted.cpu_seconds,
        process_cpu=counted.process_cpu_seconds,
    )


def _paced(server: Server, routes: Sequence[Route], rate: float, protocol: WindowProtocol) -> OpenPass:
    plain = load.Protocol(concurrency=protocol.concurrency, rounds=1, warm_up=0, within=protocol.within)
    counted = load.paced(server.target, routes, rate, protocol.open_seconds, plain).rounds[0]
    seconds = sorted(each for route in succeeding(counted.routes) for each in route.seconds)
    return OpenPass(rps=rate, seconds=tuple(seconds), thirds=waiting(counted, rate, protocol.open_seconds))


def waiting(counted: Round, rate: float, seconds: float) -> tuple[float, float, float]:
    """Return how many requests were due and not answered, on average over each third of the time."""
    ended = sorted(moment - counted.began for route in counted.routes for moment in route.ended)
    due = [number / rate for number in range(int(rate * seconds))]
    first, second, third = (
        _mean_depth(due, ended, part * seconds / 3, (part + 1) * seconds / 3) for part in range(3)
    )
    return first, second, third


def _mean_depth(due: Sequence[float], ended: Sequence[float], start: float, end: float) -> float:
    """Return the mean of a step function: each request counts from when it is due until it has ended."""
    came = sum(_within(moment, start, end) for moment in due)
    return (came - sum(_within(moment, start, end) for moment in ended)) / (end - start)


def _within(moment: float, start: float, end: float) -> float:
    """Return for how much of the time a step that rises at this moment is up."""
    return max(0.0, end - max(start, moment))


def errors(counts: Sequence[RouteCounts]) -> Iterator[tuple[str, int]]:
    """Yield by route how many requests were not answered as declared."""
    for route in counts:
        yield route.route, route.requests - route.expected
