"""When an answer is over: never later than its client may have it."""

from __future__ import annotations

import asyncio
from time import monotonic

from pytest_failhard.llm.handler import Ending
from pytest_failhard.llm.operations import Fin, Script, Send
from pytest_failhard.llm.server.execution import Execution


class Wire(asyncio.Transport):
    """Takes bytes and remembers when; its client has them at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the bytes."""
        self.taken.append(monotonic())

    def get_write_buffer_size(self) -> int:
        """Keep nothing back."""
        return 0

    def close(self) -> None:
        """Be closed."""


def carried_out(script: Script) -> tuple[Ending, list[float]]:
    wire, endings = Wire(), list[Ending]()
    Execution(script, wire, False, endings.append).run()
    (ending,) = endings
    return ending, wire.taken


def test_an_answer_is_over_when_its_last_byte_is_handed_over_and_not_when_we_come_back() -> None:
    ending, taken = carried_out(Script(operations=(Send(data=b"head"), Send(data=b"body"))))
    assert ending.first_byte is not None
    assert ending.first_byte <= taken[0] <= ending.ended <= taken[1]


def test_a_close_after_the_last_byte_changes_nothing() -> None:
    ending, taken = carried_out(Script(operations=(Send(data=b"all"), Fin())))
    assert ending.close == "server-fin"
    assert ending.ended <= taken[0]
