"""Accepts the connections of one port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from pytest_failhard.llm.server.site import TASK, Site

BACKLOG: Final = 1024
NOBODY_LEFT: Final = (BlockingIOError, InterruptedError, ConnectionAbortedError)


class Door:
    """Instead of `asyncio.Server`, which loses a connection that it has accepted when it is closed.

    A client of such a connection waits for ever (CPython 3.11). Raises OSError where the address is taken.
    """

    def __init__(self, site: Site, host: str, port: int, factory: Callable[[], asyncio.Protocol]) -> None:
        self._site = site
        self._factory = factory
        self._socket = socket.socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    async def open(self) -> None:
        """Begin to accept, on the server's loop."""
        if self._socket.fileno() >= 0:  # else it was given up before the loop came to it
            asyncio.get_running_loop().add_reader(self._socket, self._accept)

    async def close(self) -> None:
        """Accept no more, and drop whoever is inside."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        await self._site.close()

    def give_up(self) -> None:
        """Free the port where the loop never came to open it."""
        self._socket.close()

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = self._socket.accept()
            except NOBODY_LEFT:
                return
            accepted.setblocking(False)
            task = loop.create_task(self._connect(accepted), name=TASK)
            self._site.tasks.add(task)
            task.add_done_callback(self._site.tasks.discard)

    async def _connect(self, accepted: socket.socket) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(self._factory, accepted)
