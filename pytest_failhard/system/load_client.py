"""One client of a load run: keeps its connection, sends a route's request, counts what came back."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_failhard.model import GateError
from pytest_failhard.system import ask
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import COUNTER, SECRET, Route
from pytest_failhard.system.environment import HOST
from pytest_failhard.system.launch import Instance
from pytest_failhard.system.load_counts import RouteCounts

RECONNECT_EVERY = 20
"""A kept connection stays with one worker process: who never changes it measures that worker alone."""
REFUSED_SECONDS = 0.01
TIMED_OUT = "TimeoutError"
NOTHING_CAPTURED = "NothingCaptured"
"""Counted where a request cannot be written: the answer that it builds upon did not hold what it takes."""
Heard = Callable[[str, Answer], None]


def unheard(_route: str, _answer: Answer) -> None:
    """Keep nothing of what is answered."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whom the load is for. `numbers` gives each request its own `${n}`, over all that is sent to it.

    `known` is what answers gave before the load began, by the name under which they were captured.
    """

    port: int
    host: str = HOST
    secrets: Mapping[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    known: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, instance: Instance) -> Target:
        """Return a started system as a target."""
        return cls(port=instance.port, secrets=instance.secrets, numbers=instance.numbers)


def chains(routes: Sequence[Route]) -> tuple[tuple[Route, ...], ...]:
    """Return the routes in groups that build upon each other's answers, each in the declared order.

    One client asks a whole group: who deletes what another one is about to read measures itself.
    """
    groups: list[list[Route]] = []
    for route in routes:
        needed = {*ask.wanted(route)}
        joined = [group for group in groups if needed & {name for each in group for name in each.capture}]
        for group in joined:
            groups.remove(group)
        groups.append([*(each for group in joined for each in group), route])
    order = {route.id: index for index, route in enumerate(routes)}
    groups = [sorted(group, key=lambda each: order[each.id]) for group in groups]
    return tuple(tuple(group) for group in sorted(groups, key=lambda group: order[group[0].id]))


@dataclass
class Tally:
    """What a client counts of one route."""

    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    expected: int = 0
    unsent: int = 0
    unexpected_5xx: int = 0
    broken: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    body_bytes: int = 0

    def answered(self, route: Route, status: int, seconds: float) -> bool:
        """Count an answer; tell whether it is one that the route expects."""
        self.statuses[status] += 1
        if status in route.expect:
            self.expected += 1
            # A route that says how slow it is has its own time; what comes on top is judged.
            self.seconds.append(max(0.0, seconds - (route.slow_s or 0)))
            return True
        self.unexpected_5xx += status >= http.client.INTERNAL_SERVER_ERROR
        return False

    def counts(self, route: Route) -> RouteCounts:
        """Return what was counted, for good."""
        return RouteCounts(
            route=route.id,
            statuses=dict(self.statuses),
            errors=dict(self.errors),
            expected=self.expected,
            seconds=tuple(sorted(self.seconds)),
            unsent=self.unsent,
            negative=route.negative,
            unexpected_5xx=self.unexpected_5xx,
            broken=tuple(self.broken),
            ended=tuple(self.ended),
            body_bytes=self.body_bytes,
        )


class Client:
    """For one thread. `reconnects` tells whether it takes a new connection every 20 requests."""

    def __init__(
        self,
        target: Target,
        routes: Iterable[Route],
        *,
        reconnects: bool,
        within: float,
        heard: Heard = unheard,
    ) -> None:
        self.cpu_seconds = 0.0
        self.tallies = {route.id: Tally() for route in routes}
        self._target = target
        self._reconnects = reconnects
        self._within = within
        self._heard = heard
        self._connection = http.client.HTTPConnection(target.host, target.port, timeout=within)
        self._sent = 0
        self._began: float | None = None
        self._over = False
        self._socket: socket.socket | None = None
        self._constant: dict[str, ask.Request] = {}
        self._secrets = ask.values(target.secrets, 0, {})

    def turn(self, chain: Iterable[Route], due: Callable[[], float | None]) -> None:
        """Ask the routes of a group, one after another.

        `due` waits until a request is to be sent and returns when its time began to count; None where it is
        not to be sent any more.
        """
        captured = dict(self._target.known)
        for route in chain:
            began = due()
            if began is None:
                self.tallies[route.id].unsent += 1
                continue
            try:
                request = self._request(route, captured)
            except GateError:
                self.tallies[route.id].errors[NOTHING_CAPTURED] += 1
                continue
            self._ask(route, request, captured, began)

    def expire(self, now: float) -> None:
        """Break off a request whose time is over: an answer in drips would never end by itself."""
        began, sock = self._began, self._socket
        if began is not None and sock is not None and now - began > self._within:
            self._over = True
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _request(self, route: Route, captured: Mapping[str, str]) -> ask.Request:
        """Return the request; one that is the same each time is written once."""
        constant = self._constant.get(route.id)
        if constant is not None:
            return constant
        names = ask.wanted(route)
        if all(name.startswith(SECRET) for name in names):
            self._constant[route.id] = ask.request(route, self._secrets)
            return self._constant[route.id]
        known = {**captured, **self._secrets, COUNTER: str(next(self._target.numbers))}
        return ask.request(route, known)

    def _ask(self, route: Route, request: ask.Request, captured: dict[str, str], began: float) -> None:
        tally = self.tallies[route.id]
        self._over = False
        self._began = time.monotonic()
        try:
            response, body = self._sent_and_read(request)
        except (OSError, http.client.HTTPException) as error:
            tally.errors[TIMED_OUT if self._over else type(error).__name__] += 1
            tally.broken.append(self._began)
            self._connection.close()
            if isinstance(error, ConnectionRefusedError):
                # Nobody is there: to knock as fast as we can would only keep the machine busy.
                time.sleep(REFUSED_SECONDS)
            return
        finally:
            self._began = self._socket = None
            tally.ended.append(time.monotonic())
        seconds = time.monotonic() - began
        first = not tally.statuses[response.status]
        right = tally.answered(route, response.status, seconds)
        tally.body_bytes += len(body) if right else 0
        if first or (right and route.capture):
            headers = tuple(response.getheaders())
            answer = Answer(ended=True, status=response.status, headers=headers, body=body, seconds=seconds)
            if first:
                self._heard(route.id, answer)
            if right:
                captured.update(ask.captured(route, answer))

    def _sent_and_read(self, request: ask.Request) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connection
        if self._reconnects and self._sent % RECONNECT_EVERY == 0:
            connection.close()
        self._sent += 1
        if connection.sock is None:
            connection.connect()
        # The connection forgets it as soon as it knows that the answer ends with it.
        self._socket = connection.sock
        connection.request(request.method, request.path, request.body, dict(request.headers))
        response = connection.getresponse()
        body = response.read()
        if self._over:
            # Where the end of the connection ends the answer, an answer that was broken off looks whole.
            raise TimeoutError
        return response, body
