"""Tests of the look for whoever listens on a port."""

from __future__ import annotations

import socket

from pytest_failhard.system.reach import accepts, is_met


def test_who_listens_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert accepts(port, 5)
    assert not accepts(port, 5)


def test_a_connection_that_meets_itself_is_none() -> None:
    with socket.socket() as alone:
        alone.bind(("127.0.0.1", 0))
        alone.connect(alone.getsockname())
        assert not is_met(alone)
