"""Calls a system as a function: in a worker of the project's interpreter, which outlives one call."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from pytest_failhard.gates.llm.declaration import Call
from pytest_failhard.gates.llm.drivers import Place, results
from pytest_failhard.llm.verdicts.outcome import Link, Outcome
from pytest_failhard.model import GateError, Process, Run

CHILD = Path(__file__).with_name("child.py")
LOOK_SECONDS = 0.1
"""How often it is looked whether a worker has ended without a word."""
READ_BYTES = 65536
ANSWER_BYTES = 16 * 1024 * 1024


class _Worker:
    """A child process that waits for cases at the other end of a socket."""

    def __init__(self, process: Process, channel: socket.socket) -> None:
        self.process = process
        self._channel = channel
        self._channel.settimeout(LOOK_SECONDS)

    def ask(self, case: Mapping[str, object], within: float) -> bytes | None:
        """Return the line that answers a case; empty where the worker ended, None when the time is over."""
        deadline = time.monotonic() + within
        try:
            self._channel.sendall(json.dumps(case).encode() + b"\n")
        except OSError:
            return b""  # it is gone; its exit code says why
        received = bytearray()
        while not received.endswith(b"\n"):
            try:
                part = self._channel.recv(READ_BYTES)
            except TimeoutError:
                part = None
            except OSError:
                return b""
            if part:
                received += part
            elif part == b"" or self.process.poll() is not None:
                return b""
            if time.monotonic() > deadline:
                return None
            if len(received) > ANSWER_BYTES:
                raise GateError(f"the callable returned more than {ANSWER_BYTES} bytes")
        return bytes(received)

    def close(self) -> None:
        self._channel.close()
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
        worker = self._running()
        process = worker.process
        self._watch.written()
        before = (len(process.stdout), len(process.stderr))
        began = time.monotonic()
        answer = worker.ask({"callable": self._call.callable, "input": self._call.input}, within)
        seconds = time.monotonic() - began
        if not answer:
            code = process.wait(LOOK_SECONDS) if answer is not None else None
            self.close()
        files = self._watch.written()
        streams = {
            "stdout": process.stdout[before[0] :],
            "stderr": process.stderr[before[1] :],
        }
        if not answer:
            return _silent(answer is not None, code, streams, files, seconds)
        return self._read(answer, streams, files, seconds)

    def restart(self, environment: Mapping[str, str]) -> None:
        """End the worker; the next one has this environment."""
        self.close()
        self._environment = environment

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()
        self._worker = None

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
        match json.loads(answer):
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
