"""Tests of what stands between a system and its dependencies: over real sockets and files."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.system.addresses import AddressError, read
from pytest_failhard.system.links import Break, PathLink, TcpLink
from tests.system import tcp


@pytest.fixture
def port() -> Iterator[int]:
    with tcp.echo() as given:
        yield given


def link(port: int, how: Break = "refuse") -> TcpLink:
    return TcpLink(read(f"redis://user:word@127.0.0.1:{port}/0"), how)


def test_a_link_passes_on_and_counts(port: int) -> None:
    made = link(port)
    assert made.url == f"redis://user:word@127.0.0.1:{made.port}/0"
    assert tcp.asked(made.port) == b"HELLO\n"
    assert made.connections == 1
    with socket.create_connection(("127.0.0.1", made.port), 5) as client:
        client.sendall(b"a\n")
        client.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").read() == b"A\n"
    made.close()
    with pytest.raises(ConnectionRefusedError):
        tcp.asked(made.port)


@pytest.mark.parametrize(("how", "error"), [("refuse", ConnectionRefusedError), ("reset", ConnectionError)])
def test_a_broken_link_refuses_or_resets_new_and_old(
    port: int, how: Break, error: type[ConnectionError]
) -> None:
    made = link(port, how)
    with socket.create_connection(("127.0.0.1", made.port), 5) as old:
        old.sendall(b"a\n")
        assert old.recv(10) == b"A\n"
        made.break_()
        with pytest.raises(ConnectionResetError):
            old.recv(10)
    made.break_()
    with pytest.raises(error):
        tcp.asked(made.port)
    made.repair()
    made.repair()
    assert tcp.asked(made.port) == b"HELLO\n"
    made.close()


def test_a_hanging_link_answers_after_its_repair(port: int) -> None:
    made = link(port, "hang")
    with (
        socket.create_connection(("127.0.0.1", made.port), 5) as old,
        socket.create_connection(("127.0.0.1", made.port), 5) as new,
    ):
        old.sendall(b"a\n")
        assert old.recv(10) == b"A\n"
        made.break_()
        new.settimeout(0.05)
        for each in (old, new):
            each.settimeout(0.05)
            each.sendall(b"b\n")
            with pytest.raises(TimeoutError):
                each.recv(10)
            each.settimeout(5)
        made.repair()
        assert [each.recv(10) for each in (old, new)] == [b"B\n", b"B\n"]
    made.close()


def test_a_hanging_link_can_be_closed(port: int) -> None:
    made = link(port, "hang")
    made.break_()
    with socket.create_connection(("127.0.0.1", made.port), 5) as client:
        made.close()
        with pytest.raises(ConnectionError):
            client.recv(10)


def test_a_delay_holds_back_what_is_asked(port: int) -> None:
    made = link(port)
    made.delay(0.05)
    began = time.monotonic()
    assert tcp.asked(made.port) == b"HELLO\n"
    assert time.monotonic() - began >= 0.05
    made.delay(600)
    with socket.create_connection(("127.0.0.1", made.port), 5) as client:
        client.sendall(b"a\n")
        client.settimeout(0.02)
        with pytest.raises(TimeoutError):
            client.recv(10)
        made.close()


def test_what_is_not_there_is_not_reached_through_a_link(port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        made = link(taken.getsockname()[1])
        with pytest.raises(ConnectionResetError):
            tcp.asked(made.port)
    made.close()


def test_a_dependency_that_dies_resets_its_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = link(server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", made.port), 5) as client:
            behind, _ = server.accept()
            behind.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            behind.close()
            with pytest.raises(ConnectionResetError):
                client.recv(10)
    made.close()


def test_many_connections_at_once_leave_nothing(port: int) -> None:
    made = link(port)
    before = threading.active_count()
    held = [socket.create_connection(("127.0.0.1", made.port), 5) for _ in range(20)]
    for each in held:
        each.sendall(b"a\n")
    assert [each.recv(10) for each in held] == [b"A\n"] * 20
    made.close()
    for each in held:
        each.close()
    assert made.connections == 20
    assert threading.active_count() <= before + 20  # the echo server's own may still be ending


def test_a_path_breaks_by_another_name(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    made = PathLink(path)
    assert made.url == str(path)
    with pytest.raises(GateError, match=r"made nothing at the path of store\.db"):
        made.break_()
    made.repair()
    path.write_text("before")
    made.break_()
    assert not path.exists()
    path.write_text("what the system made instead")
    made.repair()
    assert path.read_text() == "before"
    made.break_()
    made.close()
    assert path.read_text() == "before"
    with pytest.raises(GateError, match="cannot be delayed"):
        made.delay(1)


@pytest.mark.parametrize(
    ("text", "host", "port", "moved"),
    [
        ("redis://h:1/0?x=1", "h", 1, "redis://127.0.0.1:9/0?x=1"),
        ("postgresql+psycopg://u:p%40@db/x", "db", 5432, "postgresql+psycopg://u:p%40@127.0.0.1:9/x"),
        ("http://[::1]:8080/a", "::1", 8080, "http://127.0.0.1:9/a"),
        ("db.example:5432", "db.example", 5432, "127.0.0.1:9"),
        ("host=db port=5433 dbname='a b' user=u", "db", 5433, "host=127.0.0.1 port=9 dbname='a b' user=u"),
        ("dbname=x host=db", "db", 5432, "host=127.0.0.1 port=9 dbname=x"),
        ("tcp://127.0.0.1:7", "127.0.0.1", 7, "tcp://127.0.0.1:9"),
    ],
)
def test_a_url_or_dsn_keeps_all_but_its_place(text: str, host: str, port: int, moved: str) -> None:
    address = read(text)
    assert (address.host, address.port) == (host, port)
    assert address.moved("127.0.0.1", 9) == moved


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rediss://h:1", "certificate"),
        ("mongodb+srv://h/x", "certificate"),
        ("mongodb://a:1,b:2/x", "no one host"),
        ("postgresql:///x?host=/run", "no one host"),
        ("tcp://h", "no port"),
        ("tcp://h:99999", "no port"),
        ("host=/run dbname=x", "no one host and port"),
        ("host=a,b dbname=x", "no one host and port"),
        ("host=a port=p", "no number"),
        ("store.db", "no one host and port"),
    ],
)
def test_what_names_no_one_place_says_why(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        read(text)
