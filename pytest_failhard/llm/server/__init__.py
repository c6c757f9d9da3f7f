"""The loopback server: moves bytes as it is told, at any number of ports, on a thread of its own."""

from __future__ import annotations

from pytest_failhard.llm.server.errors import CannotRunError, MissingExtraError, ServerError
from pytest_failhard.llm.server.listener import Listener
from pytest_failhard.llm.server.thread import Server

__all__ = ["CannotRunError", "Listener", "MissingExtraError", "Server", "ServerError"]
