"""One worker as its parent sees it: lines both ways, each within its time, and an end that holds."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pytest_failhard.gates.performance.pairs import messages
from pytest_failhard.gates.performance.pairs.messages import (
    About,
    Bye,
    Collected,
    Counted,
    Done,
    Hello,
    Message,
    Proof,
    Ready,
    Timed,
)
from pytest_failhard.gates.performance.samples import Batch
from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.model import GateError, Process, Run

PATIENCE_SECONDS = 120.0
"""So long a worker may take for a step whose length nothing tells: a start, a collection, a set-up."""
LOOK_SECONDS = 0.25
"""How often it is looked at whether a silent worker still lives."""
LONGEST_LINE = 64 * 1024 * 1024
LAST_LINES = 40
TEMPORARY = "TMPDIR"
END_SECONDS = 10.0
"""So long pytest may take to end after its last word."""
Inject = Mapping[str, float]
_Kind = TypeVar("_Kind", bound=Message)


class WorkerDiedError(GateError):
    """A worker said nothing, or what no worker says."""


class _Lines:
    """The two pipes, ours of them. Nothing blocks for longer than it may."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._buffer = bytearray()
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)

    def close(self) -> None:
        """Give the descriptors back."""
        for descriptor in (self._reading, self._writing):
            os.close(descriptor)

    def send(self, data: bytes, wait: Callable[[int, int], None]) -> None:
        """Write all of it; raises BrokenPipeError where nobody reads."""
        while data:
            wait(self._writing, select.POLLOUT)
            data = data[os.write(self._writing, data) :]

    def receive(self, wait: Callable[[int, int], None]) -> bytes:
        """Return the next line; raises EOFError where there is none, or none that ends."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            wait(self._reading, select.POLLIN)
            data = os.read(self._reading, 1 << 16)
            if not data or searched > LONGEST_LINE:
                raise EOFError
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line


class Worker:
    """A pytest process that serves benchmarks. Ended by leaving the `with` statement, whatever happens."""

    def __init__(self, run: Run, side: Side, environment: Mapping[str, str]) -> None:
        self._run = run
        self.name = side.name
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        theirs = (theirs_in, theirs_out)
        self._lines = _Lines(ours_in, ours_out)
        try:
            self._process: Process = run.start(
                (str(side.python), *side.arguments),
                environment={
                    **side.environment,
                    **environment,
                    **_place(side),
                    **_product(side),
                    **_pipes(*theirs),
                },
                cwd=side.tree,
                pass_fds=theirs,
                kept=True,
            )
        except GateError:
            self._lines.close()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()
        self._process.kill()

    def hello(self) -> About:
        """Return what it says of itself; raises GateError for one that is traced, or cannot serve."""
        about = self._expect(Hello, "its start").hello
        _require_untraced(about.traced)
        if about.unsupported:
            raise GateError(
                f"benchmark-plugin-unsupported: {about.unsupported}; install a version that is supported"
            )
        return about

    def collected(self) -> Collected:
        """Return what it has collected."""
        return self._expect(Collected, "its collection")

    def order(self, **what: object) -> None:
        """Send an order: `run`, `count`, `stop`, `go`."""
        line = json.dumps(what).encode() + b"\n"
        try:
            self._lines.send(line, self._patient("an order", PATIENCE_SECONDS))
        except BrokenPipeError:
            raise self._died("an order", "it reads no more") from None

    def settle(self, benchmark: str, within: float) -> Ready | Done:
        """Return how a benchmark stands when its turn has come: it waits, or its test is over already."""
        said = self._about(benchmark, Ready, "the set-up", within)
        if isinstance(said, Ready):
            _require_untraced(said.traced)
        return said

    def batch(self, benchmark: str, calls: int, within: float, inject: Inject | None = None) -> Batch | Done:
        """Have a batch run; a target that cannot be repeated ends its test instead."""
        self.order(go=calls, inject=inject)
        said = self._about(benchmark, Timed, "a batch", within)
        return said.batch if isinstance(said, Timed) else said

    def done(self, benchmark: str) -> Done:
        """Return how a test ended that was told to go on."""
        return self._about(benchmark, Done, "the end", PATIENCE_SECONDS)

    def counted(self, benchmark: str, within: float) -> Counted | Done:
        """Return what was counted in a call."""
        return self._about(benchmark, Counted, "a counted call", within)

    def finish(self) -> Mapping[str, object]:
        """Let it end and return its proof."""
        proof = self._expect(Proof, "its proof").proof
        self._expect(Bye, "its last word")
        self._process.wait(END_SECONDS)
        return proof

    def _about(self, benchmark: str, kind: type[_Kind], doing: str, within: float) -> _Kind | Done:
        doing = f"{doing} of {benchmark}"
        said = self._next(doing, within)
        named = messages.subject(said)
        if named not in (None, benchmark):
            raise self._died(doing, f"it spoke of {named}")
        if isinstance(said, (kind, Done)):
            return said
        if isinstance(said, Proof):
            raise GateError(
                f"not-measured: {benchmark}: {self.name} collects it and ends without running it; "
                "no hook of the project may deselect it or stop the session"
            )
        raise self._died(doing, f"it said `{messages.word(said)}`, whose turn it was not")

    def _expect(self, kind: type[_Kind], doing: str) -> _Kind:
        said = self._next(doing, PATIENCE_SECONDS)
        if isinstance(said, kind):
            return said
        raise self._died(doing, f"it said `{messages.word(said)}`, whose turn it was not")

    def _next(self, doing: str, within: float) -> Message:
        try:
            line = self._lines.receive(self._patient(doing, within))
        except EOFError:
            raise self._died(doing, "it ended") from None
        try:
            return messages.read(line)
        except ValueError:
            raise self._died(doing, "it wrote a line that is no message") from None

    def _patient(self, doing: str, within: float) -> Callable[[int, int], None]:
        """Return what waits until a pipe can be used: no longer than it may, and for the living alone."""
        deadline = time.monotonic() + within

        def wait(descriptor: int, event: int) -> None:
            poll = select.poll()
            poll.register(descriptor, event)
            # What it left behind may hold its end of the pipe open: look at the process as well.
            alive = True
            while not poll.poll(LOOK_SECONDS * 1000 if alive else 0):
                if not alive:
                    raise self._died(doing, "it ended")
                if not self._run.remaining():
                    raise GateError(f"performance: the gate's time was over during {doing} ({self.name})")
                if time.monotonic() >= deadline:
                    raise self._died(doing, f"it was silent for {within:.0f} seconds")
                alive = self._process.poll() is None

        return wait

    def _died(self, doing: str, how: str) -> WorkerDiedError:
        """End it, and return the error with its last lines."""
        self._process.kill()
        lines = (self._process.stdout + self._process.stderr).splitlines()[-LAST_LINES:]
        log = "\n".join(lines) or "it wrote nothing"
        return WorkerDiedError(
            f"worker-died: during {doing} the process of {self.name} was lost: {how}; its last lines:\n{log}"
        )


def _require_untraced(traced: str) -> None:
    if traced:
        raise GateError(
            f"traced-worker: {traced} is active in the process that measures; keep coverage, profilers and "
            "debuggers out of the project's tests, conftest.py and sitecustomize.py"
        )


def _place(side: Side) -> dict[str, str]:
    """Return where a side's temporary files are: a tree compared with itself is both sides at once."""
    among = side.environment.get(TEMPORARY)
    if not among:
        return {}
    place = Path(among, side.name)
    place.mkdir(exist_ok=True)
    return {TEMPORARY: str(place)}


def _product(side: Side) -> dict[str, str]:
    product = {"tree": str(side.tree), "packages": list(side.packages)}
    return {"FAILHARD_PRODUCT": json.dumps(product)}


def _pipes(reading: int, writing: int) -> dict[str, str]:
    # As long on both sides: where the environment ends moves what lies in memory behind it.
    return {"FAILHARD_SERVE": f"{reading:05d},{writing:05d}"}
