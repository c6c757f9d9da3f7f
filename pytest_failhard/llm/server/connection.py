"""One connection: requests in, scripts out, one after the other."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from pytest_failhard.llm.handler import Arrival, Ending
from pytest_failhard.llm.operations import Fin, Script
from pytest_failhard.llm.request import ORIGIN_HEADER, Request
from pytest_failhard.llm.server.execution import Execution
from pytest_failhard.llm.server.parser import Parsed, ParseError, Parser, TooLargeError
from pytest_failhard.llm.server.site import Guard, Site

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LAST: Final = b"content-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 413 Content Too Large\r\n" + _LAST
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\n" + _LAST
LINGER_SECONDS: Final = 2.0
_CLOSE: Final = (Fin(),)


class Connection(asyncio.Protocol):
    """A bare protocol, since streams cost a task and 0.03 ms more a call.

    `origin` is the host that was asked for where the connection is the inside of a tunnel; `deaf` says that
    what still arrives is thrown away.
    """

    def __init__(self, site: Site, *, number: int = 0, origin: str = "") -> None:
        self.site = site
        self.number = number
        self._origin = origin
        self._parser = Parser()
        self._transport: asyncio.Transport | None = None
        self._execution: Execution | None = None
        self._blocked = False
        self.deaf = False
        self._stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a plain connection."""
        self._transport = cast("asyncio.Transport", transport)
        self.number = self.site.enter(self)
        self.attach(self._transport, high=0)

    def attach(self, transport: asyncio.Transport, *, high: int) -> None:
        """Begin; what has been read already, behind a TLS handshake, is answered now.

        `high` is the greatest number of unsent bytes that does not block.
        """
        self._transport = transport
        transport.set_write_buffer_limits(high=high, low=0)
        self._proceed()

    def data_received(self, data: bytes) -> None:
        """Read on, also while an answer is under way: only so is it seen when the peer goes."""
        if self.deaf:
            return
        try:
            self._parser.feed(data)
        except TooLargeError as error:
            self.refuse(error)
            return
        self._proceed()

    def eof_received(self) -> None:
        """The peer has closed; who closes only one half is treated the same, for no client does."""
        if self._execution is not None:
            self._execution.gone("client-fin")
        elif self._parser.started and not self.deaf:
            self.site.handler.refuse("bad-request", "the peer closed within a request")
        self.deaf = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell an answer under way who ended it."""
        self.site.live.discard(self)
        if self._execution is not None:
            ended = "client-fin" if exc is None else "client-rst"
            self._execution.gone("stopped" if self._stopped else ended)

    def pause_writing(self) -> None:
        """Bytes are waiting to leave."""
        self._blocked = True
        if self._execution is not None:
            self._execution.block()

    def resume_writing(self) -> None:
        """All bytes have left."""
        self._blocked = False
        if self._execution is not None:
            self._execution.unblock()

    def abort(self) -> None:
        """Drop the connection because its listener is closed."""
        self._stopped = True
        if self._transport is not None:
            self._transport.abort()

    def _proceed(self) -> None:
        """Answer the requests that are here, unless an answer is under way."""
        transport = self._transport
        if transport is None:
            return
        while self._execution is None and not self.deaf and not transport.is_closing():
            try:
                parsed = self._parser.take()
            except ParseError as error:
                self.refuse(error)
                return
            if parsed is None:
                if self._parser.continues():
                    transport.write(_CONTINUE)
                return
            self._parser = Parser(parsed.rest)
            self.meet(parsed, transport)

    def meet(self, parsed: Parsed, transport: asyncio.Transport) -> None:
        """Take up a request; a proxy looks first where it shall go."""
        self.answer(parsed, parsed.target, self._origin, transport)

    def answer(self, parsed: Parsed, target: str, origin: str, transport: asyncio.Transport) -> None:
        """Carry out what the handler says to a request; the layer follows from the way in."""
        rerouted = dict(parsed.headers).get(ORIGIN_HEADER, "")
        arrival = Arrival(
            request=Request(parsed.method, target, parsed.headers, parsed.body, rerouted or origin),
            connection=self.number,
            layer="reroute" if rerouted else "base_url" if self.site.tunnels is None else "proxy",
            accepted=parsed.began,
            headers_complete=parsed.headers_complete,
            body_complete=parsed.body_complete,
        )
        guard = Guard(self.site, transport)
        with guard:
            exchange = self.site.handler.answer(arrival)
            script = exchange.script
        if not parsed.keeps_open:
            script = Script(operations=script.operations + _CLOSE)

        def finished(ending: Ending) -> None:
            self._execution = None
            with guard:
                exchange.end(ending)
            if self._parser.started and ending.close == "keep-alive":
                asyncio.get_running_loop().call_soon(self._proceed)

        self._execution = Execution(script, transport, self._blocked, finished)
        self._execution.run()

    def refuse(self, error: ParseError) -> None:
        """Tell the handler and the peer that this is no request that can be answered."""
        large = isinstance(error, TooLargeError)
        self.site.handler.refuse("too-large" if large else "bad-request", str(error))
        self.leave(_TOO_LARGE if large else _BAD_REQUEST)

    def leave(self, answer: bytes) -> None:
        """Say a last word to a peer that may still be sending: closed at once, it would only see a reset."""
        self.deaf = True
        if self._execution is not None:
            self._execution.gone("stopped")
        if self._transport is not None:
            _say_farewell(self._transport, answer)


def _say_farewell(transport: asyncio.Transport, answer: bytes) -> None:
    transport.write(answer)
    if transport.can_write_eof():
        transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)
    else:
        transport.close()
