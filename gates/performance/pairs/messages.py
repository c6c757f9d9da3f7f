"""What a worker says, a JSON object a line, as types; anything else is no message."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

from pydantic import JsonValue, TypeAdapter

from pytest_failhard.gates.performance.samples import Batch


@dataclass(frozen=True, kw_only=True)
class About:
    """The worker itself. `adj` tells whether the scheduler's accounts can be had, `why` why not.

    `plugin` is whose fixture it serves, `unsupported` why it cannot. `traced` names what slows it down.
    """

    pid: int
    affinity: tuple[int, ...] = ()
    adj: bool = False
    why: str = ""
    plugin: str = ""
    unsupported: str = ""
    traced: str = ""


@dataclass(frozen=True, kw_only=True)
class Hello:
    """The first line."""

    hello: About


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A benchmark that was collected, and what its marker says. `path` is its file, relative to the tree."""

    id: str
    path: str
    max_regression: str = ""
    budget_ms: str = ""
    pin: bool = True
    clock: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Uncollected:
    """A file that could not be collected, with its exception."""

    file: str
    type: str = ""
    name: str = ""
    owner: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """The benchmarks of a tree, in the order of the collection."""

    collected: tuple[Entry, ...]
    errors: tuple[Uncollected, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A benchmark waits in its fixture: `calls` of `call_ns` nanoseconds make a batch.

    `affinity` are the processors on which any of its threads may run.
    """

    ready: str
    mode: str
    calls: int
    call_ns: int
    affinity: tuple[int, ...] = ()
    traced: str = ""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A batch is over."""

    batch: Batch


@dataclass(frozen=True, kw_only=True)
class Raised:
    """The exception that ended a test."""

    type: str = ""
    name: str = ""
    owner: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A test is over. `measured` is false where it never came to its fixture."""

    done: str
    outcome: str
    phase: str = ""
    measured: bool = False
    peak_rss: int = 0
    lazy: str = ""
    repeat: bool = False
    error: Raised | None = None


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One call of a benchmark under the counters."""

    counted: str
    memory: int
    functions: dict[str, int]
    sql: int = 0
    opcodes: int | None = None
    steady: bool = True


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Which code ran, where, on what."""

    proof: dict[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class Bye:
    """The last line."""

    bye: bool


Message = Hello | Collected | Ready | Timed | Done | Counted | Proof | Bye


def subject(message: Message) -> str | None:
    """Return the benchmark that a message is about, None where it is about none."""
    match message:
        case Ready(ready=benchmark) | Done(done=benchmark) | Counted(counted=benchmark):
            return benchmark
        case _:
            return None


def word(message: Message) -> str:
    """Return the word that a message begins with."""
    return dataclasses.fields(message)[0].name


def read(line: bytes) -> Message:
    """Return what a line says; raises ValueError for what is no message."""
    return _messages().validate_json(line, strict=True)


@functools.cache
def _messages() -> TypeAdapter[Message]:
    return TypeAdapter(Message)
