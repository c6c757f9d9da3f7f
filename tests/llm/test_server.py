"""The server as a client and a handler see it: requests, endings, limits, threads."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from time import monotonic

import pytest

from pytest_failhard.llm.handler import Arrival
from pytest_failhard.llm.operations import Fin, Hang, Operation, Repeat, Script, Send, Sleep
from pytest_failhard.llm.server import Server, ServerError, thread
from pytest_failhard.llm.server.parser import BODY_LIMIT_BYTES, HEAD_LIMIT_BYTES
from pytest_failhard.llm.server.site import Site
from tests.llm.canned import GET, HEALTHY, PATIENCE, Answer, Canned, connect, read, read_all


def post(body: bytes, *headers: bytes) -> bytes:
    lines = (b"POST /v1/x?a=1 HTTP/1.1", b"Host: h", *headers)
    return b"\r\n".join((*lines, b"content-length: %d" % len(body), b"", body))


def test_a_request_arrives_whole_and_the_connection_stays_open(server: Server) -> None:
    handler = Canned()
    listener = server.open(handler)
    with connect(listener.port) as client:
        for _ in range(3):
            client.sendall(post(b"{}", b"X-Case: Kept"))
            assert read(client, len(HEALTHY)) == HEALTHY
            ending = handler.ending()
            assert (ending.close, ending.bytes_sent, ending.peer_closed) == ("keep-alive", len(HEALTHY), None)
    first = handler.arrivals[0]
    assert (first.request.method, first.request.target, first.request.body) == ("POST", "/v1/x?a=1", b"{}")
    assert first.request.headers == (("host", "h"), ("x-case", "Kept"), ("content-length", "2"))
    assert (first.layer, first.request.origin) == ("base_url", "")
    assert [arrival.connection for arrival in handler.arrivals] == [1, 1, 1]
    assert listener.connections == 1
    assert listener.url == f"http://127.0.0.1:{listener.port}"


def test_times_are_in_order(server: Server) -> None:
    handler = Canned()
    with connect(server.open(handler).port) as client:
        head, body = post(b"12345678").split(b"\r\n\r\n")
        client.sendall(head + b"\r\n\r\n")
        client.sendall(body)
        read(client, len(HEALTHY))
    arrival, ending = handler.arrivals[0], handler.ending()
    assert ending.first_byte is not None
    times = (
        arrival.accepted,
        arrival.headers_complete,
        arrival.body_complete,
        ending.first_byte,
        ending.ended,
    )
    assert list(times) == sorted(times)


def test_an_answer_has_ended_before_its_client_can_wait(server: Server) -> None:
    handler = Canned((Send(data=HEALTHY), Sleep(seconds=0.01)))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
        known = monotonic()
        assert handler.ending().ended <= known


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_request_in_pieces_is_the_same_request(server: Server, size: int) -> None:
    handler = Canned()
    data = post(b'{"a": 1}', b"X-Long: " + b"x" * 100)
    with connect(server.open(handler).port) as client:
        for start in range(0, len(data), size):
            client.sendall(data[start : start + size])
        assert read(client, len(HEALTHY)) == HEALTHY
    assert handler.arrivals[0].request.body == b'{"a": 1}'


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    handler = Canned()
    with connect(server.open(handler).port) as client:
        client.sendall(b"".join(post(b"%d" % number) for number in range(5)))
        assert read(client, 5 * len(HEALTHY)) == 5 * HEALTHY
    assert [arrival.request.body for arrival in handler.arrivals] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_request_sent_during_an_answer_waits_for_its_end(server: Server) -> None:
    handler = Canned((Send(data=HEALTHY), Sleep(seconds=0.01), Send(data=b"")))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
    first = handler.ending()
    assert first.close == "keep-alive"
    assert first.ended <= (handler.ending().first_byte or 0)


def test_a_chunked_upload_is_put_together(server: Server) -> None:
    handler = Canned()
    with connect(server.open(handler).port) as client:
        client.sendall(b"POST /v1 HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        client.sendall(b"2\r\nde\r\n0\r\n\r\n")
        assert read(client, len(HEALTHY)) == HEALTHY
    assert handler.arrivals[0].request.body == b"abcde"


def test_a_client_that_waits_is_told_to_continue(server: Server) -> None:
    handler = Canned()
    expected = b"HTTP/1.1 100 Continue\r\n\r\n"
    with connect(server.open(handler).port) as client:
        client.sendall(post(b"", b"Expect: 100-continue").replace(b"length: 0", b"length: 3"))
        assert read(client, len(expected)) == expected
        client.sendall(b"a")
        client.sendall(b"bc")
        assert read(client, len(HEALTHY)) == HEALTHY
    assert handler.arrivals[0].request.body == b"abc"
    assert handler.ending().bytes_sent == len(HEALTHY)


@pytest.mark.parametrize("request_", [GET.replace(b"1.1", b"1.0"), post(b"", b"Connection: close")])
def test_who_asks_for_a_close_gets_one(server: Server, request_: bytes) -> None:
    handler = Canned()
    with connect(server.open(handler).port) as client:
        client.sendall(request_)
        assert read_all(client) == HEALTHY
    assert handler.ending().close == "server-fin"


def test_a_rerouted_request_names_its_origin(server: Server) -> None:
    handler = Canned()
    with connect(server.open(handler).port) as client:
        client.sendall(post(b"", b"X-Failhard-Origin: api.openai.com"))
        read(client, len(HEALTHY))
    assert (handler.arrivals[0].layer, handler.arrivals[0].request.origin) == ("reroute", "api.openai.com")


def test_the_peer_is_seen_to_leave_while_it_is_answered(server: Server) -> None:
    handler = Canned((Send(data=b"HTTP/1.1 200 OK\r\n"), Hang()))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        read(client, 17)
    ending = handler.ending()
    assert (ending.close, ending.bytes_sent) == ("client-fin", 17)
    assert ending.peer_closed == ending.ended


def test_a_reset_by_the_peer_is_told_from_a_close(server: Server) -> None:
    handler = Canned((Send(data=b"x"), Repeat(data=b": keep\n\n", every=0.005)))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert read(client, 9) == b"x: keep\n\n"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    ending = handler.ending()
    assert ending.close == "client-rst"
    assert ending.peer_closed is not None


def test_bytes_that_never_left_are_not_counted(server: Server) -> None:
    size = 64 * 1024 * 1024
    handler = Canned((Send(data=bytes(size)), Sleep(seconds=0), Fin()))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        read(client, 1000)
    ending = handler.ending()
    assert ending.close in {"client-fin", "client-rst"}
    assert 1000 <= ending.bytes_sent < size


def test_an_answer_larger_than_all_buffers_arrives(server: Server) -> None:
    size = 16 * 1024 * 1024
    handler = Canned((Send(data=bytes(size)), Fin()))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert len(read_all(client)) == size
    assert (ending := handler.ending()).close == "server-fin"
    assert ending.bytes_sent == size


TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
LARGE_BODY = f"a body of more than {BODY_LIMIT_BYTES} bytes"
LARGE_HEAD = f"a head of more than {HEAD_LIMIT_BYTES} bytes"
FIELD = b"x: " + b"x" * HEAD_LIMIT_BYTES


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999\r\n\r\n", LARGE_BODY),
        (b"GET / HTTP/1.1\r\nhost: h\r\n" + FIELD, LARGE_HEAD),
        (b"GET / HTTP/1.1\r\nhost: h\r\n" + FIELD + b"\r\n\r\n", LARGE_HEAD),
    ],
    ids=["declared body", "head without end", "head"],
)
def test_what_is_too_large_gets_413(server: Server, data: bytes, detail: str) -> None:
    handler = Canned()
    with connect(server.open(handler).port) as client:
        client.sendall(data)
        assert read_all(client) == TOO_LARGE
    assert handler.refusal() == ("too-large", detail)
    assert not handler.arrivals


def test_an_upload_over_the_limit_is_answered_while_it_goes_on(server: Server) -> None:
    handler = Canned()
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    with connect(server.open(handler).port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(66):
            client.sendall(chunk)
        assert read_all(client) == TOO_LARGE
    assert handler.refusal() == ("too-large", LARGE_BODY)


def test_bytes_sent_ahead_of_an_answer_are_limited(server: Server) -> None:
    handler = Canned((Send(data=b"HTTP/1.1 200 OK\r\n"), Hang()))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        read(client, 17)
        for _ in range(65):
            client.sendall(bytes(1024 * 1024))
        assert read_all(client) == TOO_LARGE
    assert handler.ending().close == "stopped"
    assert handler.refusal()[0] == "too-large"


BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "a version of HTTP that is not 1"),
        (b"GET / HTTP/1.1\r\nhost: h\r\nsk-proj-secret\r\n\r\n", "illegal header line"),
        (b"GET / HTTP/1.1\r\n\r\n", "Missing mandatory Host"),
        (b"\x16\x03\x01\x02\x00\x01", "illegal request line"),
    ],
)
def test_what_is_no_request_gets_400_and_quotes_nothing(server: Server, data: bytes, detail: str) -> None:
    handler = Canned()
    with connect(server.open(handler).port) as client:
        client.sendall(data)
        assert read_all(client) == BAD_REQUEST
    what, said = handler.refusal()
    assert what == "bad-request"
    assert said.startswith(detail)
    assert "secret" not in said


def test_a_request_that_breaks_off_is_told(server: Server) -> None:
    handler = Canned()
    with connect(server.open(handler).port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nabc")
    assert handler.refusal() == ("bad-request", "the peer closed within a request")


def test_a_connection_without_a_request_is_nothing(server: Server) -> None:
    handler = Canned()
    listener = server.open(handler)
    connect(listener.port).close()
    with connect(listener.port) as client:
        client.sendall(GET)
        read(client, len(HEALTHY))
    listener.close()
    assert handler.refused.empty()
    assert listener.connections == 2


def test_200_streams_at_once_lose_nothing(server: Server) -> None:
    events = [b"data: %d\n\n" % number for number in range(20)]
    operations: list[Operation] = []
    for event in events:
        operations += (Send(data=event), Sleep(seconds=0.001))
    handler = Canned((*operations, Fin()))
    listener = server.open(handler)

    async def stream() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(GET)
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
        return data

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*(stream() for _ in range(200)))

    assert set(asyncio.run(all_of_them())) == {b"".join(events)}
    assert listener.connections == len(handler.arrivals) == 200
    assert {handler.ending().close for _ in range(200)} == {"server-fin"}
    assert len({arrival.connection for arrival in handler.arrivals}) == 200


def test_each_port_has_its_own_handler(server: Server) -> None:
    handlers = [Canned((Send(data=b"%d" % number), Fin())) for number in range(5)]
    ports = [server.open(handler).port for handler in handlers]
    for number, port in enumerate(ports):
        with connect(port) as client:
            client.sendall(GET)
            assert read_all(client) == b"%d" % number
    assert [len(handler.arrivals) for handler in handlers] == [1] * 5


def test_closing_a_port_stops_its_answers_and_frees_it(server: Server) -> None:
    handler = Canned((Send(data=b"HTTP/1.1 200 OK\r\n"), Hang()))
    with server.open(handler) as listener, connect(listener.port) as client:
        client.sendall(GET)
        read(client, 17)
        listener.close()
        assert handler.endings.get_nowait().close == "stopped"
        assert client.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(listener.port)
    again = server.open(Canned(), port=listener.port)
    assert again.port == listener.port


def test_a_taken_port_is_an_error(server: Server) -> None:
    taken = server.open(Canned()).port
    with pytest.raises(OSError, match="Address already in use"):
        server.open(Canned(), port=taken)


def test_stop_joins_and_leaves_nothing() -> None:
    server = Server()
    arrived = threading.Event()
    handler = Canned((Hang(),), before=arrived.set)
    client = connect(server.open(handler).port)
    client.sendall(GET)
    with client:
        assert arrived.wait(PATIENCE)
        server.stop()
        assert handler.ending().close == "stopped"
        assert client.recv(1) == b""
    assert "failhard-llm-server" not in {thread.name for thread in threading.enumerate()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    server.stop()


def test_a_stopped_server_starts_again() -> None:
    server = Server()
    server.start()
    server.stop()
    with connect(server.open(Canned()).port) as client:
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
    server.stop()


def test_a_handler_that_raises_fails_the_port_and_the_client_sees_a_close() -> None:
    def broken() -> None:
        raise LookupError("no such case")

    handler = Canned(before=broken)
    server = Server()
    listener = server.open(handler)
    with connect(listener.port) as client:
        client.sendall(GET)
        assert client.recv(1) == b""
    message = "the LLM server could not answer: LookupError: no such case"
    with pytest.raises(ServerError, match=message):
        listener.close()
    server.stop()


def test_a_failure_nobody_asked_for_fails_the_stop() -> None:
    class Broken(Answer):
        def end(self, ending: object) -> None:
            raise LookupError("end")

    class Handler(Canned):
        def answer(self, arrival: Arrival) -> Answer:
            return Broken(Script(operations=(Sleep(seconds=0), Send(data=HEALTHY))), self.endings)

    server = Server()
    with connect(server.open(Handler()).port) as client:
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
        assert client.recv(1) == b""
    with pytest.raises(ServerError, match="LookupError: end"):
        server.stop()


def test_a_task_that_a_client_left_on_our_loop_is_not_our_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def close() -> None:
        raise AttributeError("a client that was never whole cannot be closed")

    def leave() -> None:
        asyncio.get_running_loop().create_task(close())

    server = Server()
    with server.open(Canned(before=leave)) as listener, connect(listener.port) as client:
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
    server.stop()
    assert [record.getMessage().splitlines()[0] for record in caplog.records] == [
        "Task exception was never retrieved"
    ]


def test_a_handler_that_blocks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "STOP_SECONDS", 0.1)
    blocking, release = threading.Event(), threading.Event()

    def block() -> None:
        blocking.set()
        release.wait(PATIENCE)

    server = Server()
    listener = server.open(Canned(before=block))
    with connect(listener.port) as client:
        client.sendall(GET)
        assert blocking.wait(PATIENCE)
        with pytest.raises(ServerError, match=r"did not react within 0\.1 seconds: a handler blocks it"):
            server.open(Canned())
        release.set()
        assert read(client, len(HEALTHY)) == HEALTHY
    server.stop()


FORKS = """
import os
from pytest_failhard.llm.server import Server
from tests.llm.canned import GET, HEALTHY, Canned, connect, read

with Server() as server:
    listener = server.open(Canned())
    child = os.fork()
    if not child:
        listener.close()
        server.stop()
        with connect(listener.port) as client:
            client.sendall(GET)
            os._exit(0 if read(client, len(HEALTHY)) == HEALTHY else 1)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_fork_uses_the_ports_and_closes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_does_not_stop_says_so_and_cleans_up_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "STOP_SECONDS", 0.1)
    blocking, release = threading.Event(), threading.Event()

    def block() -> None:
        blocking.set()
        release.wait(PATIENCE)

    server = Server()
    listener = server.open(Canned((Hang(),), before=block))
    with connect(listener.port) as client:
        client.sendall(GET)
        assert blocking.wait(PATIENCE)
        (running,) = (each for each in threading.enumerate() if each.name == "failhard-llm-server")
        with pytest.raises(ServerError, match="did not react"):
            listener.close()
        with pytest.raises(ServerError, match=r"did not stop within 0\.1 seconds"):
            server.stop()
        release.set()
        assert client.recv(1) == b""
        running.join(PATIENCE)
    assert not running.is_alive()


def test_a_connection_that_comes_too_late_is_dropped() -> None:
    class Late:
        dropped = False

        def abort(self) -> None:
            self.dropped = True

    late, site = Late(), Site(handler=Canned())
    asyncio.run(site.close())
    assert (site.enter(late), late.dropped, site.accepted) == (0, True, 0)
