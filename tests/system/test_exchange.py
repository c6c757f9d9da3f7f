"""A request that is answered before it was sent as a whole is answered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_failhard.system import ask
from pytest_failhard.system.ask import Request

HUGE = Request(method="POST", path="/", body=b"x" * (10 * 1024 * 1024))
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a server for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def refuse(connection: socket.socket) -> None:
    connection.recv(1024)
    connection.sendall(TOO_LARGE)


def hang_up(connection: socket.socket) -> None:
    connection.recv(1024)


def test_whoever_refuses_a_body_and_hangs_up_has_answered() -> None:
    with serving(refuse) as port:
        answer = ask.exchange("127.0.0.1", port, HUGE, within=5)

    assert (answer.status, answer.body, answer.ended) == (413, b"no", True)


def test_whoever_only_hangs_up_has_not() -> None:
    with serving(hang_up) as port:
        answer = ask.exchange("127.0.0.1", port, HUGE, within=5)

    assert (answer.status, answer.ended) == (None, True)
