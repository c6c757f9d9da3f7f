"""Calls a system as a function: in a worker of the project's interpreter, which outlives one call."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from pytest_failhard.gates.llm.drivers import LOOK_SECONDS, Enough, never, results
from pytest_failhard.gates.llm.drivers.workplace import Place
from pytest_failhard.llm.calls import Call
from pytest_failhard.llm.verdicts.outcome import Link, Outcome
from pytest_failhard.model import GateError, Process, Run

CHILD = Path(__file__).with_name("child.py")
PATIENCE_SECONDS = 1.0
"""How long a worker may take to end by itself."""
READ_BYTES = 65536
ANSWER_BYTES = 16 * 1024 * 1024


class _Worker:
    """A child process that waits for cases at the other end of a socket."""

    def __init__(self, process: Process, channel: socket.socket) -> None:
        self.process = process
        self._channel = channel
        self._received = bytearray()

    def ask(self, case: Mapping[str, object], within: float) -> bytes | None:
        """Return the line that answers a case; empty where the worker ended, None when the time is over."""
        return self.listen(time.monotonic() + within, sending=json.dumps(case).encode() + b"\n")

    def listen(self, deadline: float, enough: Enough = never, sending: bytes = b"") -> bytes | None:
        """Return the next line, as `ask` does; None, too, when it is enough."""
        self._channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            self._channel.sendall(sending)
            return self._line(deadline, enough)
        except TimeoutError:
            return None
        except OSError:
            # It is gone; its exit code says why.
            return b""

    def _line(self, deadline: float, enough: Enough) -> bytes | None:
        while b"\n" not in self._received:
            left = deadline - time.monotonic()
            if left <= 0 or enough():
                return None
            self._channel.settimeout(min(left, LOOK_SECONDS))
            part = self._part()
            if part == b"":
                return b""
            self._received += part or b""
            if len(self._received) > ANSWER_BYTES:
                raise GateError(f"the callable returned more than {ANSWER_BYTES} bytes")
        line, _, rest = self._received.partition(b"\n")
        self._received = rest
        return bytes(line)

    def _part(self) -> bytes | None:
        try:
            return self._channel.recv(READ_BYTES)
        except TimeoutError:
            # What it has started may hold the socket open after its end.
            return None if self.process.poll() is None else b""

    def close(self, patience: float) -> None:
        """End the worker, which ends by itself where it waits for a case."""
        self._channel.close()
        try:
            self.process.wait(patience)
        finally:
            self.process.kill()


class FunctionDriver:
    """Holds one worker and gives it one case at a time."""

    def __init__(
        self,
        run: Run,
        call: Call,
        where: Place,
        environment: Mapping[str, str],
        import_roots: tuple[str, ...],
    ) -> None:
        self._run = run
        self._call = call
        self._where = where
        self._environment = environment
        self._import_roots = import_roots
        self._watch = where.watch()
        self._worker: _Worker | None = None

    def call(self, within: float) -> Outcome:
        """Call the function; a worker that has not answered after `within` seconds is ended."""
        try:
            return self._called(self._running(), within)
        except GateError:
            self._end(0)
            raise

    def _called(self, worker: _Worker, within: float) -> Outcome:
        process = worker.process
        self._watch.written()
        before = (len(process.stdout), len(process.stderr))
        began = time.monotonic()
        answer = worker.ask({"callable": self._call.callable, "input": self._call.input}, within)
        seconds = time.monotonic() - began
        code = process.wait(PATIENCE_SECONDS) if answer == b"" else None
        if not answer:
            self._end(0)
        files = self._watch.written()
        streams = {"stdout": process.stdout[before[0] :], "stderr": process.stderr[before[1] :]}
        if not answer:
            return _silent(answer is not None, code, streams, files, seconds)
        return self._read(answer, streams, files, seconds)

    def crowd(self, count: int, within: float, enough: Enough = never) -> int:
        """Call the function in threads of the worker; one that has not ended all of them is ended."""
        worker = self._running()
        deadline = time.monotonic() + within
        case = {"callable": self._call.callable, "input": self._call.input, "times": count}
        begun = worker.ask(case, within)
        ended = worker.listen(deadline, enough) if begun else b""
        if not ended:
            self._end(0)
        match json.loads(begun or b"{}"):
            case {"offered": int(offered)} if ended != b"":
                return offered
        # A worker that has died has shown nothing of what it would have sent.
        return 0

    def idle_seconds(self) -> float:
        """Return 0: nothing but the function is called."""
        return 0.0

    def restart(self, environment: Mapping[str, str]) -> None:
        """End the worker; the next one has this environment."""
        self.close()
        self._environment = environment

    def close(self) -> None:
        """End the worker."""
        self._end(PATIENCE_SECONDS)

    def _end(self, patience: float) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close(patience)

    def _running(self) -> _Worker:
        if self._worker is None or self._worker.process.poll() is not None:
            self.close()
            self._worker = self._start()
        return self._worker

    def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        roots = [str(self._where.tree / root) for root in self._import_roots]
        argv = [str(self._run.interpreter), "-X", "utf8", str(CHILD), str(theirs.fileno()), *roots]
        try:
            with theirs:
                process = self._run.start(
                    argv,
                    environment=self._environment,
                    cwd=self._where.tree,
                    pass_fds=(theirs.fileno(),),
                )
        except GateError:
            ours.close()
            raise
        return _Worker(process, ours)

    def _read(
        self, answer: bytes, streams: Mapping[str, str], files: Mapping[str, bytes], seconds: float
    ) -> Outcome:
        match _document(answer):
            case {"returned": str(returned)}:
                said = {"return": returned, "stdout": streams["stdout"]}
                return Outcome(
                    form="callable",
                    ended=True,
                    produced=True,
                    result=results.text(self._call.where, said, files),
                    streams={**streams, "return": returned},
                    files=files,
                    seconds=seconds,
                )
            case {"raised": list(raised), "code": code}:
                if code is not None:
                    self.close()
                return Outcome(
                    form="callable",
                    ended=True,
                    produced=code == 0,
                    code=code,
                    chain=tuple(Link(type=name, text=text) for name, text in raised),
                    streams=streams,
                    files=files,
                    seconds=seconds,
                )
        raise GateError(f"{CHILD.name}: unreadable answer {answer[:200]!r}")


def _document(answer: bytes) -> object:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        # The project's code has written to a descriptor that is not its own.
        return None


def _silent(
    ended: bool,
    code: int | None,
    streams: Mapping[str, str],
    files: Mapping[str, bytes],
    seconds: float,
) -> Outcome:
    """Return the outcome of a worker that was ended, or left without an answer."""
    return Outcome(
        form="callable",
        ended=ended,
        produced=code == 0,
        code=code,
        streams=streams,
        files=files,
        seconds=seconds,
    )
