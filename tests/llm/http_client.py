"""Reads our answers as a strict HTTP client does: with h11."""

from __future__ import annotations

import json
from dataclasses import dataclass

import h11

from pytest_failhard.llm.wire import Compiled


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that was read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


def read(compiled: Compiled) -> Answer:
    """Return what a client reads. Raises h11.RemoteProtocolError for what is no HTTP."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(compiled.script.data)
    event = client.next_event()
    assert isinstance(event, h11.Response)
    headers = {name.decode(): value.decode() for name, value in event.headers}
    body = b""
    while isinstance(each := client.next_event(), h11.Data):
        body += bytes(each.data)
    return Answer(
        status=event.status_code, headers=headers, body=body, complete=isinstance(each, h11.EndOfMessage)
    )
