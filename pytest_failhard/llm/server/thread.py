"""Runs an event loop on a daemon thread, and opens and closes ports on it."""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from pytest_failhard.llm.handler import Handler
from pytest_failhard.llm.server import traps
from pytest_failhard.llm.server.certificates import Authority
from pytest_failhard.llm.server.connection import Connection
from pytest_failhard.llm.server.door import Door
from pytest_failhard.llm.server.errors import ServerError
from pytest_failhard.llm.server.listener import Listener
from pytest_failhard.llm.server.secure import ProxyConnection, SecureConnection
from pytest_failhard.llm.server.site import TASK, Site, Tunnels

STOP_SECONDS: Final = 2.0

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class _Running:
    """A thread that runs, its loop, and what ends it."""

    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event


class Server:
    """Starts its thread with the first port, or by `start`; the thread ends by `stop` or with the process.

    Methods may be called from any thread but the server's own. A process that was forked off has no server:
    it can reach the ports, and `stop` and `Listener.close` do nothing there.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._running: _Running | None = None
        self._owner = 0
        self._doors: set[Door] = set()
        self._open: dict[Listener, Callable[[], None]] = {}
        self._failures: list[BaseException] = []

    def start(self) -> None:
        """Start the thread, unless it runs; about 2 ms."""
        self._started()

    def stop(self) -> None:
        """Close all ports and end the thread; safe to call again.

        Raises ServerError where it does not end within 2 seconds, or where an answer failed.
        """
        with self._lock:
            if self._owner not in {0, os.getpid()}:
                return
            for close in tuple(self._open.values()):
                close()
            running, self._running = self._running, None
            failures, self._failures = self._failures, []
        if running is not None:
            running.loop.call_soon_threadsafe(running.stopping.set)
            running.thread.join(STOP_SECONDS)
            if running.thread.is_alive():
                raise ServerError(f"the LLM server did not stop within {STOP_SECONDS:g} seconds")
        _raise_first(failures)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def open(
        self,
        handler: Handler,
        *,
        trap: str = "",
        tls: ssl.SSLContext | None = None,
        host: str = traps.LOOPBACK,
        port: int = 0,
    ) -> Listener:
        """Open a port on which `handler` answers, or on which nobody ever does: a connection-stage `trap`.

        The traps `tls_untrusted`, `tls_expired` and `tls_hostname` are the certificate in `tls`. Raises
        CannotRunError where the platform lacks a trap, OSError where the port is taken.
        """
        site = Site(handler=handler)
        if trap in traps.SILENT:
            return self._open_silent(site, trap)
        if trap and trap not in traps.TRAPS:
            raise ServerError(f"unknown trap {trap!r}; there are {', '.join(sorted(traps.TRAPS))}")
        if trap in traps.CERTIFIED and tls is None:
            raise ServerError(f"{trap} is made of a certificate; give one in `tls`")
        scheme = "https" if trap or tls is not None else "http"
        return self._listen(site, _factory(site, trap, tls), scheme, host, port)

    def open_proxy(
        self,
        handler: Handler,
        *,
        hosts: Callable[[str], bool],
        authority: Authority | None,
        host: str = traps.LOOPBACK,
        port: int = 0,
    ) -> Listener:
        """Open an HTTP proxy that answers itself, in the name of `hosts`; to all others it refuses to go.

        Without an authority it refuses every tunnel. What is refused is told to the handler as `egress`.
        """
        tunnels = Tunnels(allows=hosts, certificate=authority.context if authority is not None else None)
        site = Site(handler=handler, tunnels=tunnels)
        return self._listen(site, lambda: ProxyConnection(site, tunnels), "http", host, port)

    def _open_silent(self, site: Site, trap: str) -> Listener:
        if trap == "dns_failure":
            return self._known(site, f"http://{traps.UNRESOLVABLE}", 0, ())
        sockets = traps.refused() if trap == "refused" else traps.full()
        port = sockets[0].getsockname()[1]
        return self._known(site, f"http://{traps.LOOPBACK}:{port}", port, sockets)

    def _known(self, site: Site, url: str, port: int, sockets: tuple[socket.socket, ...]) -> Listener:
        def shut() -> None:
            for each in sockets:
                each.close()

        return self._register(site, url, port, shut)

    def _listen(
        self, site: Site, factory: Callable[[], asyncio.Protocol], scheme: str, host: str, port: int
    ) -> Listener:
        door = Door(site, host, port, factory)
        try:
            self._call(door.open)
        except ServerError:
            door.give_up()
            raise
        self._doors.add(door)

        def shut() -> None:
            self._call(door.close)
            self._doors.discard(door)

        return self._register(site, f"{scheme}://{host}:{door.port}", door.port, shut)

    def _register(self, site: Site, url: str, port: int, shut: Callable[[], None]) -> Listener:
        def close() -> None:
            if self._owner not in {0, os.getpid()}:
                return
            with self._lock:
                known = self._open.pop(listener, None) is not None
            if known:
                shut()

        def close_and_tell() -> None:
            close()
            failures, site.failures = site.failures, []
            self._failures = [each for each in self._failures if each not in failures]
            _raise_first(failures)

        listener = Listener(port=port, url=url, _site=site, _close=close_and_tell)
        with self._lock:
            self._open[listener] = close
        return listener

    def _call(self, begin: Callable[[], Coroutine[None, None, Result]]) -> Result:
        future = asyncio.run_coroutine_threadsafe(begin(), self._started().loop)
        try:
            return future.result(STOP_SECONDS)
        except TimeoutError:
            # It is carried out later: a port that was given up then stays shut, one to be closed is closed.
            raise ServerError(
                f"the LLM server did not react within {STOP_SECONDS:g} seconds: a handler blocks it"
            ) from None

    def _started(self) -> _Running:
        with self._lock:
            if self._running is None:
                started: queue.SimpleQueue[_Running] = queue.SimpleQueue()
                self._owner = os.getpid()
                threading.Thread(
                    target=self._run, args=(started,), name="failhard-llm-server", daemon=True
                ).start()
                self._running = started.get()
            return self._running

    def _run(self, started: queue.SimpleQueue[_Running]) -> None:
        async def serve() -> None:
            loop, stopping = asyncio.get_running_loop(), asyncio.Event()
            loop.set_exception_handler(self._fail)
            started.put(_Running(thread=threading.current_thread(), loop=loop, stopping=stopping))
            await stopping.wait()
            # Whoever was told that the server does not react has left them open.
            for door in tuple(self._doors):
                await door.close()

        with asyncio.Runner() as runner:
            runner.run(serve())

    def _fail(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        if _foreign(context.get("future")):
            loop.default_exception_handler(context)
            return
        error = context.get("exception")
        self._failures.append(error if isinstance(error, BaseException) else ServerError(context["message"]))


def _factory(site: Site, trap: str, tls: ssl.SSLContext | None) -> Callable[[], asyncio.Protocol]:
    if trap in traps.SPEAKING:
        return lambda: traps.Trap(site, trap)
    if tls is not None:
        return lambda: SecureConnection(site, tls)
    return lambda: Connection(site)


def _foreign(future: object) -> bool:
    """Tell whether somebody else's task failed: clients that are collected start one on any loop they find.

    google-genai 3.3 does so in `__del__`, whatever the thread. Our own tasks carry a name.
    """
    return isinstance(future, asyncio.Task) and not future.get_name().startswith(TASK)


def _raise_first(failures: list[BaseException]) -> None:
    if failures:
        first = failures[0]
        raise ServerError(f"the LLM server could not answer: {type(first).__name__}: {first}") from first
