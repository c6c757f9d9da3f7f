"""The terminal as an exit: what a command prints goes through the redactor first."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from pytest_failhard.redact import Redactor

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

VERBATIM = frozenset({"llm-server"})
"""Commands that print keys on purpose: drawn for one test, they belong to nobody and open nothing."""


class _Redacting(io.RawIOBase):
    """Hands what is written on to a text stream, without its secrets."""

    def __init__(self, inner: TextIO, redactor: Redactor) -> None:
        self.name = "<redacted>"
        self.inner = inner
        self.redactor = redactor

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.inner.isatty()

    def write(self, data: ReadableBuffer, /) -> int:
        text = bytes(data).decode("utf-8", "backslashreplace")
        self.inner.write(self.redactor.text(text))
        self.inner.flush()
        return memoryview(data).nbytes


def _stream(inner: TextIO, redactor: Redactor) -> io.TextIOWrapper:
    # Written through: each text is looked at as a whole, and its bytes have no other way out.
    raw = _Redacting(inner, redactor)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", newline="", write_through=True)


@contextlib.contextmanager
def redacted(environment: Mapping[str, str], arguments: Sequence[str]) -> Iterator[None]:
    """Print no secret for as long as this holds; raises RedactError for a pattern that cannot be used."""
    if next((each for each in arguments if not each.startswith("-")), "") in VERBATIM:
        yield
        return
    redactor = Redactor.from_environment(environment)
    with (
        contextlib.redirect_stdout(_stream(sys.stdout, redactor)),
        contextlib.redirect_stderr(_stream(sys.stderr, redactor)),
    ):
        yield
