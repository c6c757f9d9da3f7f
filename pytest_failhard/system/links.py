"""Stands between the judged system and something it needs, and breaks that on request."""

from __future__ import annotations

import contextlib
import functools
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, assert_never

from pytest_failhard.model import GateError
from pytest_failhard.system.addresses import Address

HOST = "127.0.0.1"
CONNECT_SECONDS = 5.0
CHUNK_BYTES = 64 * 1024
BACKLOG = 128
CLOSE_SECONDS = 5.0
AT_ONCE = struct.pack("ii", 1, 0)
"""The SO_LINGER that makes a reset of a close: a plain one would look like an answer that never comes."""
Break = Literal["refuse", "reset", "hang"]


class Link(Protocol):
    """A way to a dependency. `url` is what the system is told."""

    @property
    def url(self) -> str:
        """What stands in the variable of the system."""

    def break_(self) -> None:
        """Make the dependency fail in the declared way. Raises GateError where it cannot."""

    def repair(self) -> None:
        """Make it work again, at the same place."""

    def delay(self, seconds: float) -> None:
        """Hold back each thing that the system asks for so long; 0 ends that. Raises GateError."""

    def close(self) -> None:
        """End it and all that runs for it."""


class PathLink:
    """A file or folder of the system, which breaks by having another name: permissions do not stop root."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._away = path.with_name(f"{path.name}.away")

    @property
    def url(self) -> str:
        """The path."""
        return str(self._path)

    def break_(self) -> None:
        """Take it away; raises GateError where the system has not made it."""
        try:
            self._path.rename(self._away)
        except FileNotFoundError:
            raise GateError(
                f"the system has made nothing at the path of {self._path.name}; declare what it uses"
            ) from None

    def repair(self) -> None:
        """Put it back, in place of what the system may have made meanwhile."""
        if self._away.exists():
            self._away.replace(self._path)

    def delay(self, seconds: float) -> None:
        """Nothing stands between a system and its file; raises GateError."""
        raise GateError(f"{self._path.name}: a path cannot be delayed by {seconds:g} seconds")

    def close(self) -> None:
        """Put it back."""
        self.repair()


class TcpLink:
    """A loopback port that passes all on to a dependency, until it is told to fail.

    `refuse` closes the port and resets what is open, `reset` accepts and resets, `hang` accepts and passes
    nothing on; what was sent meanwhile arrives after the repair. The number of the port stays ours.
    """

    def __init__(self, target: Address, how: Break = "refuse") -> None:
        self._target = target
        self._how: Break = how
        self._delay = 0.0
        self._accepted = 0
        self._resets = False
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._pairs: set[_Pair] = set()
        self._threads: set[threading.Thread] = set()
        # Bound and not listening: it keeps the number for us, and refuses whoever connects.
        self._keeper = _bound(0)
        self.port: int = self._keeper.getsockname()[1]
        self._door: socket.socket | None = None
        self.repair()

    @property
    def url(self) -> str:
        """What the dependency's own URL says, with our place in it."""
        return self._target.moved(HOST, self.port)

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        with self._lock:
            return self._accepted

    def break_(self) -> None:
        """Fail from now on; safe to call again."""
        match self._how:
            case "refuse":
                self._shut()
                self._reset()
            case "reset":
                self._resets = True
                self._reset()
            case "hang":
                self._flows.clear()
            case _ as never:
                assert_never(never)

    def repair(self) -> None:
        """Pass on again, at the same port; safe to call again."""
        self._resets = False
        self._flows.set()
        if self._door is None:
            self._door = _bound(self.port)
            self._door.listen(BACKLOG)
            self._spawn(functools.partial(self._accept, self._door))

    def delay(self, seconds: float) -> None:
        """Hold back each piece that the system sends; 0 ends that for the next ones."""
        self._delay = seconds

    def close(self) -> None:
        """Close the port and all connections, and wait for the threads."""
        self._shut()
        self._reset()
        self._flows.set()
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(CLOSE_SECONDS)
        self._keeper.close()

    def _shut(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            # Closing alone does not wake the thread that waits in accept.
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()

    def _reset(self) -> None:
        with self._lock:
            pairs = tuple(self._pairs)
        for pair in pairs:
            pair.abort()

    def _spawn(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name="failhard-link", daemon=True)
        with self._lock:
            # Within the lock: whoever closes joins only threads that run.
            self._threads.add(thread)
            thread.start()

    def _accept(self, door: socket.socket) -> None:
        # A door that is shut down ends the waiting with an error.
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                with self._lock:
                    self._accepted += 1
                if self._resets:
                    _reset(client)
                else:
                    self._spawn(functools.partial(self._serve, client))

    def _serve(self, client: socket.socket) -> None:
        self._flows.wait()
        try:
            server = socket.create_connection((self._target.host, self._target.port), CONNECT_SECONDS)
        except OSError:
            # What cannot be reached behind us is not to be reached through us.
            _reset(client)
            return
        pair = _Pair(client, server)
        with self._lock:
            self._pairs.add(pair)
        if self._door is None or self._resets:
            # Broken while this one was being made.
            pair.abort()
        self._spawn(functools.partial(self._pass, pair, server, client, held=False))
        self._pass(pair, client, server, held=True)

    def _pass(self, pair: _Pair, source: socket.socket, sink: socket.socket, *, held: bool) -> None:
        """Pass on until one end closes, or the pair is over; who ends last closes both."""
        try:
            while data := source.recv(CHUNK_BYTES):
                if held and self._delay:
                    pair.over.wait(self._delay)
                self._flows.wait()
                sink.sendall(data)
            pair.finish(sink)
        except OSError:
            # One end is gone: the other one must learn it, and not as if it were a regular end.
            pair.abort()
        if pair.leave():
            with self._lock:
                self._pairs.discard(pair)


class _Pair:
    """A connection of the system and the one behind it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.over = threading.Event()
        self._ends = (client, server)
        self._lock = threading.Lock()
        self._users = 2
        server.settimeout(None)
        for each in self._ends:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def abort(self) -> None:
        """Make both connections end with a reset, as soon as nobody reads from them any more."""
        with self._lock:
            self.over.set()
            for each in self._ends if self._users else ():
                with contextlib.suppress(OSError):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                    # Wakes who reads, and says nothing to the other side.
                    each.shutdown(socket.SHUT_RD)

    def finish(self, sink: socket.socket) -> None:
        """Tell one end that nothing more comes, unless that is our doing."""
        with self._lock:
            if not self.over.is_set():
                sink.shutdown(socket.SHUT_WR)

    def leave(self) -> bool:
        """Count one user less; the last one closes both and is told so."""
        with self._lock:
            self._users -= 1
            if not self._users:
                for each in self._ends:
                    each.close()
            return not self._users


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    client.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
    bound.bind((HOST, port))
    return bound
