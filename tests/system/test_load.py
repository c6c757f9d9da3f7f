"""Tests of the load generator: over real sockets, judged by what the server counted."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.system import load
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import Route
from pytest_failhard.system.load import Protocol
from pytest_failhard.system.load_client import Client, Target, chains
from pytest_failhard.system.load_counts import Load, Round, RouteCounts, document, percentile

QUICK = Protocol(concurrency=4, warm_up=0, within=5)
OK = Route(id="ok", path="/ok")
CREATE = Route(
    id="create", method="POST", path="/items", body={"t": "${n}"}, expect=(201,), capture={"item": "id"}
)
SHOW = Route(id="show", path="/items/${item}")
DELETE = Route(id="delete", method="DELETE", path="/items/${item}", expect=(204,))


class Server(ThreadingHTTPServer):
    """Counts what it is asked, and by how many connections."""

    request_queue_size = 64
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.titles: list[str] = []
        self.connections = 0
        self.items: set[str] = set()
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self.over = threading.Event()

    def process_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]  # as inherited
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, *_: object) -> None:
        pass

    @property
    def target(self) -> Target:
        return Target(port=self.server_address[1], secrets={"TOKEN": "s3cret"})


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.asked[self.path] += 1
            number = self.server.asked[self.path]
        if self.path.startswith("/items/"):
            self.answer(200 if self.path.rpartition("/")[2] in self.server.items else 404)
        elif self.path == "/half":
            self.answer(500 if number % 2 else 200)
        elif self.path == "/stall" and number == 1:
            self.server.over.wait(0.6)
            self.answer(200)
        elif self.path == "/reset":
            self.close_connection = True
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            while not self.server.over.wait(0.02):
                self.wfile.write(b"x")
        else:
            self.answer(200)

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.titles.append(document["t"])
            item = str(next(self.server.numbers))
            self.server.items.add(item)
        self.answer(201, json.dumps({"id": item}).encode())

    def do_DELETE(self) -> None:
        item = self.path.rpartition("/")[2]
        with self.server.lock:
            status = 204 if item in self.server.items else 404
            self.server.items.discard(item)
        self.answer(status, b"")

    def answer(self, status: int, body: bytes = b"{}") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.over.set()
    made.shutdown()
    thread.join()
    made.server_close()


def counted(
    name: str, *, expected: int, failed: int = 0, seconds: float = 0.1, negative: bool = False
) -> RouteCounts:
    return RouteCounts(
        route=name,
        statuses={200: expected, 500: failed},
        errors={},
        expected=expected,
        seconds=(seconds,) * expected,
        negative=negative,
    )


def of(*routes: RouteCounts, wall: float = 1.0, cpu: float = 0.1) -> Round:
    return Round(routes=routes, wall_seconds=wall, cpu_seconds=cpu, process_cpu_seconds=cpu)


class TestClosed:
    """As fast as answers come."""

    def test_each_route_is_asked_equally_often_and_the_warm_up_is_not_counted(self, server: Server) -> None:
        other = Route(id="other", path="/other", headers={"X": "${secret:TOKEN}"})
        protocol = Protocol(concurrency=4, warm_up=4)
        found = load.closed(server.target, [OK, other], 20, protocol)
        assert [(each.route, each.requests, each.statuses) for each in found.routes] == [
            ("ok", 12, {200: 12}),
            ("other", 12, {200: 12}),
        ]
        assert server.asked == {"/ok": 14, "/other": 14}
        assert (found.requests, found.success_rate, len(found.rounds)) == (24, Fraction(1), 3)

    def test_what_builds_upon_an_answer_is_asked_by_the_one_that_got_it(self, server: Server) -> None:
        found = load.closed(server.target, [CREATE, OK, SHOW, DELETE], 120, QUICK)
        assert found.success_rate == 1
        assert server.items == set()
        assert len({*server.titles}) == len(server.titles) == 30

    def test_an_error_is_counted_and_its_time_is_not(self, server: Server) -> None:
        half = Route(id="half", path="/half")
        found = load.closed(server.target, [OK, half], 24, QUICK)
        assert (found.success_rate, found.worst_route_success) == (Fraction(3, 4), Fraction(1, 2))
        assert (found.server_errors, found.resets) == (6, 0)
        assert [len(each.seconds) for each in found.routes] == [12, 6]

    def test_what_no_answer_gave_is_a_failure_of_the_route(self, server: Server) -> None:
        create = Route(id="c", path="/half", expect=(204,), capture={"item": "id"})
        found = load.closed(server.target, [create, SHOW], 6, QUICK)
        assert found.routes[1].errors == {"NothingCaptured": 3}
        assert found.success_rate == 0
        assert found.percentile(95) is None

    def test_a_broken_connection_is_a_reset(self, server: Server) -> None:
        found = load.closed(server.target, [Route(id="reset", path="/reset")], 6, QUICK)
        assert found.routes[0].errors == {"RemoteDisconnected": 6}
        assert (found.resets, len(found.routes[0].broken)) == (6, 6)

    def test_an_answer_in_drips_is_broken_off(self, server: Server) -> None:
        protocol = Protocol(concurrency=2, warm_up=0, rounds=1, within=0.1)
        found = load.closed(server.target, [Route(id="drip", path="/drip")], 2, protocol)
        assert (found.routes[0].errors, found.resets) == ({"TimeoutError": 2}, 0)

    def test_nobody_there_is_no_reset(self, server: Server) -> None:
        free = Server()
        target = free.target
        free.server_close()
        found = load.closed(target, [OK], 2, Protocol(concurrency=1, warm_up=0, rounds=1))
        assert (found.routes[0].errors, found.resets) == ({"ConnectionRefusedError": 2}, 0)

    def test_a_declared_slowness_is_no_latency(self, server: Server) -> None:
        slow = Route(id="slow", path="/ok", slow_s=30)
        assert load.closed(server.target, [slow], 3, QUICK).percentile(100) == 0

    def test_what_was_due_when_the_time_was_over_is_not_answered(self, server: Server) -> None:
        protocol = Protocol(concurrency=1, warm_up=0, rounds=1, round_seconds=0)
        found = load.closed(server.target, [OK], 5, protocol)
        assert (found.requests, found.routes[0].unsent, found.success_rate) == (0, 5, Fraction(0))

    def test_each_client_hands_on_the_first_answer_of_a_status(self, server: Server) -> None:
        heard: list[tuple[str, Answer]] = []
        protocol = Protocol(
            concurrency=1, warm_up=0, rounds=1, heard=lambda route, answer: heard.append((route, answer))
        )
        load.closed(server.target, [Route(id="half", path="/half")], 6, protocol)
        assert [(route, answer.status, answer.body) for route, answer in heard] == [
            ("half", 500, b"{}"),
            ("half", 200, b"{}"),
        ]

    def test_there_is_a_route_and_a_client(self, server: Server) -> None:
        with pytest.raises(GateError, match="no route is declared"):
            load.closed(server.target, [], 5, QUICK)
        with pytest.raises(ValueError, match="a load needs a client and a round: 0, 3"):
            Protocol(concurrency=0)


@pytest.mark.parametrize(("reconnects", "connections"), [(False, 1), (True, 3)])
def test_half_of_the_clients_change_their_connection(
    server: Server, *, reconnects: bool, connections: int
) -> None:
    client = Client(server.target, [OK], reconnects=reconnects, within=5)
    for _ in range(41):
        client.turn([OK], time.monotonic)
    client.close()
    assert (server.connections, client.tallies["ok"].expected) == (connections, 41)


def test_routes_that_build_upon_each_other_are_one_group() -> None:
    both = Route(id="both", path="/${item}/${user}")
    user = Route(id="user", path="/u", capture={"user": "id"})
    groups = chains([CREATE, OK, user, SHOW, both])
    assert [[route.id for route in group] for group in groups] == [["create", "user", "show", "both"], ["ok"]]


class TestPaced:
    """At a pace, or for a time."""

    def test_each_slot_is_one_request(self, server: Server) -> None:
        found = load.paced(server.target, [CREATE, SHOW, OK], 100, 0.6, QUICK)
        assert (found.requests, found.success_rate, found.rps) == (60, Fraction(1), 100.0)
        assert found.rounds[0].percentile(100) is not None

    def test_a_stall_is_paid_by_all_that_were_due_meanwhile(self, server: Server) -> None:
        protocol = Protocol(concurrency=1, warm_up=0, rounds=1)
        stall = Route(id="stall", path="/stall")
        found = load.paced(server.target, [stall], 50, 0.4, protocol)
        # Twenty were due while the first one kept the client; each had to wait from its own slot on.
        assert len([each for each in found.routes[0].seconds if each > 0.1]) == found.requests == 20

    def test_for_a_time(self, server: Server) -> None:
        found = load.timed(server.target, [OK, CREATE], 0.15, QUICK)
        assert len(found.rounds) == 3
        assert found.requests == server.asked["/ok"] + len(server.titles) > 0

    @pytest.mark.parametrize("rps", [None, 200.0])
    def test_beside_a_block(self, server: Server, rps: float | None) -> None:
        with load.under(server.target, [OK], QUICK, seconds=60, rps=rps) as beside:
            with pytest.raises(GateError, match="the load still runs"):
                assert beside.load
            while not server.asked["/ok"]:
                beside.stop.wait(0.01)
        assert beside.load.requests == server.asked["/ok"] > 0
        assert beside.load.success_rate == 1


class TestCounts:
    """What the counts say."""

    @pytest.mark.parametrize(
        ("number", "rank", "value"), [(1, 95, 1), (20, 95, 19), (21, 95, 20), (100, 99, 99), (10, 100, 10)]
    )
    def test_a_percentile_is_a_value_that_was_measured(self, number: int, rank: int, value: int) -> None:
        assert percentile([float(each) for each in range(1, number + 1)], rank) == value

    def test_a_percentile_is_the_median_of_the_rounds(self) -> None:
        rounds = tuple(of(counted("a", expected=2, seconds=each)) for each in (0.3, 0.1, 0.2))
        assert Load(concurrency=1, rounds=rounds).percentile(95) == 0.2
        nothing = (*rounds, of(counted("a", expected=0, failed=1)))
        assert Load(concurrency=1, rounds=nothing).percentile(95) is None
        assert Load(concurrency=1, rounds=()).percentile(95) is None

    def test_a_route_that_shall_fail_is_not_counted_with_the_others(self) -> None:
        right = counted("a", expected=3, failed=1)
        wrong = counted("b", expected=0, failed=7, negative=True, seconds=9)
        found = Load(concurrency=1, rounds=(of(right, wrong),))
        assert (found.success_rate, found.worst_route_success) == (Fraction(3, 4), Fraction(3, 4))
        alone = Load(concurrency=1, rounds=(of(wrong),))
        assert (alone.success_rate, alone.worst_route_success) == (Fraction(0), Fraction(0))

    @pytest.mark.parametrize(("cpu", "itself"), [(0.79, False), (0.8, True)])
    def test_a_generator_that_fills_a_core_measures_itself(self, cpu: float, *, itself: bool) -> None:
        found = Load(concurrency=1, rounds=(of(counted("a", expected=1), cpu=cpu),))
        assert (found.generator_share, found.measures_itself) == (cpu, itself)
        assert Load(concurrency=1, rounds=()).generator_share == 0

    def test_the_counts_are_written_for_people(self) -> None:
        load_ = Load(concurrency=5, rps=2.0, rounds=(of(counted("a", expected=3, failed=1), cpu=0.5),))
        written = json.loads(json.dumps(document(load_)))
        assert written["routes"][0]["statuses"] == {"200": 3, "500": 1}
        assert written["milliseconds"] == {"p50": 100, "p95": 100, "p99": 100, "p100": 100}
        assert written["generator"] == {
            "cpu_seconds": 0.5,
            "share_of_a_core": 0.5,
            "measures_itself": False,
        }
        empty = document(Load(concurrency=1, rounds=()))
        assert (empty["requests_per_second"], empty["success_rate"]) == (None, "0")


class TestWindow:
    """For a time, measured around by whoever asks for it."""

    def test_all_that_was_begun_is_counted_when_it_is_over(self, server: Server) -> None:
        found = load.window(server.target, [OK], 0.05, QUICK)
        assert found.requests == server.asked["/ok"] > 0
        assert found.wall_seconds >= 0.05
        assert len(found.routes[0].ended) == found.requests
        assert all(
            found.began <= moment <= found.began + found.wall_seconds for moment in found.routes[0].ended
        )

    def test_one_in_which_nothing_fits_has_a_turn(self, server: Server) -> None:
        assert load.window(server.target, [OK], 0, QUICK).requests == 1

    def test_a_warm_up_ends_with_its_requests_or_its_time(self, server: Server) -> None:
        protocol = Protocol(concurrency=2, warm_up=5)
        other = Route(id="other", path="/other")
        assert load.warm(server.target, [OK, other], 5, protocol).requests == 6
        assert load.warm(server.target, [OK], 0, protocol).requests == 0

    def test_what_was_answered_before_stands_in_a_request(self, server: Server) -> None:
        server.items.add("7")
        target = replace(server.target, known={"item": "7"})
        found = load.closed(target, [SHOW], 3, QUICK)
        assert found.routes[0].statuses == {200: 3}
