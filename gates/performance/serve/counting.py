"""Counts what one call does: memory, product functions, SQL statements, instructions of the interpreter."""

from __future__ import annotations

import functools
import gc
import importlib.util
import itertools
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Protocol

from .proof import Product
from .work import SLOW_NS, Work

if TYPE_CHECKING:
    import sqlite3

MEMORY_CALLS = 3
EVENT = "before_cursor_execute"
MORE_CALLS = 2
"""Calls that are counted besides where the first two differ: a cache filled, a thread was late."""
OPCODE_TOLERANCE = 100
"""Two counts of instructions agree where they differ by at most one part in so many."""


class Dialect(Protocol):
    """A database as SQLAlchemy knows it."""

    name: str


class Connected(Protocol):
    """A connection of SQLAlchemy's."""

    dialect: Dialect


class Functions:
    """Counts the product's functions as they are entered, in all threads that start after `watch`."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._active = False
        # By identity, which is quick; and equal code may stand in two files. The code is kept alive by it.
        self._names: dict[int, tuple[CodeType, str]] = {}
        self._counts: dict[int, Counter[str]] = {}

    def watch(self) -> None:
        """Have threads that start from now on seen; nothing is counted yet."""
        threading.setprofile(self._entered)

    @contextmanager
    def counting(self) -> Iterator[Counter[str]]:
        """Count into what is given."""
        counts: Counter[str] = Counter()
        self._counts = {}
        self._active = True
        sys.setprofile(self._entered)
        try:
            yield counts
        finally:
            sys.setprofile(None)
            self._active = False
            # In copies: a thread that goes on may still be about to add something.
            for each in list(self._counts.values()):
                counts.update(dict(each))

    def _entered(self, frame: FrameType, event: str, argument: object) -> None:
        if not self._active or event not in {"call", "c_call"}:
            return
        name = self._of_python(frame) if event == "call" else self._of_c(argument)
        if name:
            # By thread: two threads that count in one place lose some.
            self._counts.setdefault(threading.get_ident(), Counter())[name] += 1

    def _of_python(self, frame: FrameType) -> str:
        code = frame.f_code
        known = self._names.get(id(code))
        if known is None:
            module = str(frame.f_globals.get("__name__", ""))
            ours = self._product.has(module) and code.co_name != "<module>"
            name = f"{self._product.place(code.co_filename)}::{code.co_qualname}" if ours else ""
            known = self._names[id(code)] = code, name
        return known[1]

    def _of_c(self, function: object) -> str:
        module = getattr(function, "__module__", None)
        if not isinstance(module, str) or not self._product.has(module):
            return ""
        return f"{module}::{getattr(function, '__qualname__', '')}"


class Statements:
    """Counts SQL statements, of sqlite3 by its trace callback, else by SQLAlchemy's event; keeps none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._early: list[sqlite3.Connection] = []
        self._wanted: bool | None = None
        self._active = False
        self._count = 0

    def wrap(self) -> None:
        """Be in the way of each connection from now on, before product code gets hold of `connect`."""
        if importlib.util.find_spec("_sqlite3") is None:
            return  # a Python that was built without it
        import sqlite3.dbapi2

        connect: Callable[..., sqlite3.Connection] = sqlite3.connect

        @functools.wraps(connect)
        def connected(*args: object, **kwargs: object) -> sqlite3.Connection:
            connection = connect(*args, **kwargs)
            if self._wanted:
                connection.set_trace_callback(self._seen)
            elif self._wanted is None:
                self._early.append(connection)
            return connection

        for module in (sqlite3, sqlite3.dbapi2):
            vars(module)["connect"] = connected

    def decide(self, *, wanted: bool) -> None:
        """Count or do not; only now it is known what the connections opened so far are used for."""
        self._wanted = wanted
        if wanted and self._early:
            self._trace_early()
        self._early.clear()

    def _trace_early(self) -> None:
        import sqlite3

        for connection in self._early:
            try:
                connection.set_trace_callback(self._seen)
            except sqlite3.ProgrammingError:
                continue  # closed meanwhile, or one of another thread

    @contextmanager
    def counting(self) -> Iterator[Callable[[], int]]:
        """Count; what is given tells how many so far."""
        self._listen()
        self._count = 0
        self._active = True
        try:
            yield lambda: self._count
        finally:
            self._active = False

    def _listen(self) -> None:
        """Hear of the statements of SQLAlchemy's engines, once it is imported."""
        event, engine = sys.modules.get("sqlalchemy.event"), sys.modules.get("sqlalchemy.engine")
        if event is None or engine is None or event.contains(engine.Engine, EVENT, self._executed):
            return
        event.listen(engine.Engine, EVENT, self._executed)

    def _executed(self, connection: Connected, *_: object) -> None:
        # Those of sqlite are seen by the trace callback, with BEGIN and COMMIT.
        if connection.dialect.name != "sqlite":
            self._seen("")

    def _seen(self, _: str) -> None:
        if self._active:
            with self._lock:
                self._count += 1


class Counters:
    """All counters of a process."""

    def __init__(self, product: Product) -> None:
        self._functions = Functions(product)
        self._statements = Statements()

    def wrap(self) -> None:
        """Be there before product code is."""
        self._statements.wrap()

    def decide(self, *, wanted: bool) -> None:
        """Get ready to count, or out of the way."""
        self._statements.decide(wanted=wanted)
        if wanted:
            self._functions.watch()

    def count(self, work: Work, first_ns: int) -> dict[str, object]:
        """Return what one call does. It must have been called once before, in `first_ns`."""
        slow = first_ns > SLOW_NS
        memory = min(_peaks(work, 1 if slow else MEMORY_CALLS))
        counted, again = self._counted(work), self._counted(work)
        for _ in range(MORE_CALLS):
            if counted == again:
                break
            counted, again = again, self._counted(work)
        functions, sql = again
        opcodes = () if slow else _opcodes(work)
        return {
            "memory": memory,
            "functions": dict(sorted(functions.items())),
            "sql": sql,
            "opcodes": opcodes[0] if opcodes else None,
            "steady": counted == again and _agree(opcodes),
        }

    def _counted(self, work: Work) -> tuple[Counter[str], int]:
        total: Counter[str] = Counter()
        sql = 0

        def around(call: Callable[[], object]) -> object:
            nonlocal sql
            with self._statements.counting() as seen, self._functions.counting() as entered:
                result = call()
            sql = seen()
            total.update(entered)
            return result

        work.once(around)
        return total, sql


def _peaks(work: Work, calls: int) -> list[int]:
    """Return how far each call's memory rises above what was there before."""
    peaks: list[int] = []

    def around(call: Callable[[], object]) -> object:
        gc.collect()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        result = call()
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
        return result

    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        for _ in range(calls):
            work.once(around)
    finally:
        if not tracing:
            tracemalloc.stop()
    return peaks


def _opcodes(work: Work) -> tuple[int, ...]:
    """Return the instructions of two calls; none on a Python that does not tell them."""
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is None:
        return ()
    counts: list[int] = []
    tool = next(number for number in range(6) if monitoring.get_tool(number) is None)

    def around(call: Callable[[], object]) -> object:
        seen = itertools.count()
        monitoring.register_callback(tool, monitoring.events.INSTRUCTION, lambda *_: next(seen))
        monitoring.set_events(tool, monitoring.events.INSTRUCTION)
        try:
            return call()
        finally:
            monitoring.set_events(tool, 0)
            counts.append(next(seen))

    monitoring.use_tool_id(tool, "failhard")
    try:
        for _ in range(2):
            work.once(around)
    finally:
        monitoring.free_tool_id(tool)
    return tuple(counts)


def _agree(counts: tuple[int, ...]) -> bool:
    return not counts or (max(counts) - min(counts)) * OPCODE_TOLERANCE <= min(counts)
