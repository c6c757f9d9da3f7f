"""Clients that leave at any moment, in any way, on every kind of port: each answer ends once, all is closed."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_failhard.llm.operations import Drip, Send, Sleep
from pytest_failhard.llm.server import Listener, Server
from pytest_failhard.llm.server.certificates import Authority
from tests.llm.canned import GET, HEALTHY, Canned, connect

VISITS = 30
CLIENTS = 8
RESET_ON_CLOSE = b"\1\0\0\0\0\0\0\0"


class Rude:
    """A client with its own random choices."""

    def __init__(self, seed: int, context: ssl.SSLContext) -> None:
        self._random = random.Random(seed)
        self._context = context

    def visit(self, plain: Listener, secure: Listener, proxy: Listener) -> None:
        """Do what some client could do, and leave."""
        listener = self._random.choice((plain, secure, proxy))
        with contextlib.suppress(OSError), connect(listener.port) as client:
            if self._random.random() < 0.3:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            if listener is proxy:
                client.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: x\r\n\r\n")
                if self._random.random() < 0.3:
                    return
                client.recv(100)
            if listener is plain:
                self._ask(client)
            elif self._random.random() < 0.3:
                client.sendall(b"\x16\x03\x01\x02\x00\x01" + bytes(self._random.randrange(20)))
            else:
                with self._context.wrap_socket(client, server_hostname="127.0.0.1") as wrapped:
                    self._ask(wrapped)

    def _ask(self, client: socket.socket) -> None:
        requests = GET * self._random.randrange(1, 4)
        client.sendall(requests[: self._random.randrange(1, len(requests) + 1)])
        if self._random.random() < 0.6:
            client.settimeout(self._random.uniform(0.001, 0.02))
            client.recv(self._random.randrange(1, 5000))


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_ends_once_and_nothing_is_left(server: Server, tmp_path: Path, seed: int) -> None:
    authority = Authority.create(tmp_path)
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.check_hostname = False
    handler = Canned((Send(data=HEALTHY), Sleep(seconds=0.002), Drip(data=bytes(300), size=7, every=0.0005)))
    listeners = (
        server.open(handler),
        server.open(handler, tls=authority.context("127.0.0.1")),
        server.open_proxy(handler, hosts=lambda _: True, authority=authority),
    )

    def visits(number: int) -> None:
        rude = Rude(seed * CLIENTS + number, context)
        for _ in range(VISITS):
            rude.visit(*listeners)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(visits, range(CLIENTS)))
    for listener in listeners:
        listener.close()
    endings = Counter(handler.endings.get_nowait().close for _ in range(handler.endings.qsize()))
    assert endings.total() == len(handler.arrivals) > 0
    assert set(endings) <= {"keep-alive", "client-fin", "client-rst", "stopped"}
    told = {handler.refused.get_nowait()[0] for _ in range(handler.refused.qsize())}
    assert told <= {"tls", "bad-request"}
