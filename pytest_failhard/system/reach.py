"""Tells whether somebody listens on a port of the loopback interface."""

from __future__ import annotations

import socket

from pytest_failhard.system.environment import HOST


def accepts(port: int, within: float) -> bool:
    """Tell whether a connection is accepted there; `within` is in seconds.

    Where nobody listens, a connection can get this very port for its own end and so meet itself.
    """
    try:
        connection = socket.create_connection((HOST, port), within)
    except OSError:
        return False
    with connection:
        return is_met(connection)


def is_met(connection: socket.socket) -> bool:
    """Tell whether a connection has another end than itself."""
    return bool(connection.getsockname() != connection.getpeername())
