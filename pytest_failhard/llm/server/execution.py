"""Carries out one script on one connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from time import monotonic
from typing import Final

from pytest_failhard.llm.handler import Ending
from pytest_failhard.llm.operations import Drip, Fin, Operation, Repeat, Rst, Script, Send, Sleep

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """Close with RST: with lingering switched on for 0 seconds the kernel drops what is unsent."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


class Execution:
    """One script being carried out, by callbacks: most answers need neither a task nor a timer.

    `finished` is called once, when the script is at its end or the peer has gone. The bytes counted are
    those that were handed to the kernel (under TLS: to the TLS layer).
    """

    def __init__(
        self, script: Script, transport: asyncio.Transport, blocked: bool, finished: Callable[[Ending], None]
    ) -> None:
        self._operations = script.operations
        self._transport = transport
        self._blocked = blocked
        self._finished = finished
        self._place = 0
        self._offset = 0
        self._written = 0
        self._unsent = transport.get_write_buffer_size()
        self._first_byte: float | None = None
        self._last_bytes: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def run(self) -> None:
        """Go on as far as possible without waiting."""
        while self._place < len(self._operations):
            operation = self._operations[self._place]
            if not self._done(operation):
                return
            self._place += 1
        if not self._blocked:
            self._end("keep-alive", ended=self._last_bytes)

    def block(self) -> None:
        """The kernel takes no more bytes for now."""
        self._blocked = True
        self._unsent = self._transport.get_write_buffer_size()

    def unblock(self) -> None:
        """All bytes have left."""
        self._blocked = False
        self._unsent = 0
        self._last_bytes = monotonic()
        # Not at once: a transport that is closed while it says so loses its connection twice.
        asyncio.get_running_loop().call_soon(self._go_on)

    def gone(self, close: str) -> None:
        """Nobody is there any more, for the reason given: it ends here."""
        now = monotonic()
        self._end(close, ended=now, peer_closed=now if close.startswith("client") else None)

    def _go_on(self) -> None:
        if self._timer is None and not self._over:
            self.run()

    def _end(self, close: str, *, ended: float | None = None, peer_closed: float | None = None) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        # A transport that was reset has dropped what it could not send, and tells no more how much it was.
        unsent = self._unsent if close == "client-rst" else self._transport.get_write_buffer_size()
        self._finished(
            Ending(
                bytes_sent=self._written - unsent,
                close=close,
                first_byte=self._first_byte,
                ended=monotonic() if ended is None else ended,
                peer_closed=peer_closed,
            )
        )

    def _write(self, data: bytes) -> None:
        if data:
            # Before the write: the peer may have the bytes, and be waiting, before we are running again.
            self._last_bytes = monotonic()
            self._first_byte = self._first_byte or self._last_bytes
        self._written += len(data)
        self._transport.write(data)

    def _after(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._wake, then)

    def _wake(self, then: Callable[[], None]) -> None:
        self._timer = None
        then()

    def _next(self) -> None:
        self._place += 1
        self.run()

    def _done(self, operation: Operation) -> bool:
        """Carry out an operation; return whether the next one may follow at once."""
        match operation:
            case Send():
                self._write(operation.data)
                return True
            case Sleep():
                return self._sleep(operation)
            case Drip():
                return self._drip(operation)
            case Repeat():
                return self._repeat(operation)
            case Fin():
                self._fin()
            case Rst():
                self._rst()
        return False

    def _sleep(self, operation: Sleep) -> bool:
        if not self._blocked:
            self._after(operation.seconds, self._next)
        return False

    def _drip(self, operation: Drip) -> bool:
        if self._blocked:
            return False
        end = self._offset + operation.size
        self._write(operation.data[self._offset : end])
        if end < len(operation.data):
            self._offset = end
            self._after(operation.every, self.run)
            return False
        self._offset = 0
        return True

    def _repeat(self, operation: Repeat) -> bool:
        if not self._blocked:
            self._write(operation.data)
            self._after(operation.every, self.run)
        return False

    def _fin(self) -> None:
        if not self._blocked:
            self._end("server-fin", ended=self._last_bytes)
            self._transport.close()

    def _rst(self) -> None:
        self._end("server-rst")
        reset(self._transport)
