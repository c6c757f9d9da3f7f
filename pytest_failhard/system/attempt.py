"""Starts a system that is expected not to serve, and tells what came of it: refused, or served after all."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.model import NO_VARIABLES, Run
from pytest_failhard.system import launch
from pytest_failhard.system.declaration import System
from pytest_failhard.system.launch import Instance, answers
from pytest_failhard.system.reach import accepts

WITHIN_SECONDS = 12.0
PROBE_SECONDS = 0.05
"""How often the port is tried: so long a system could serve unseen."""
ANSWER_SECONDS = 1.0
STEADY_SECONDS = 1.0
"""So long a worker must live after it said that it is ready."""
AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of a start.

    `ready` is whether it served: a 200 for http, its ready line and a life after it for a worker, an exit
    with 0 for a job. `accepted` is whether its port ever accepted a connection. `code` is None where it
    still ran when it was ended; `seconds` are those until its end, or until it was ready.
    """

    ready: bool
    accepted: bool
    code: int | None
    seconds: float
    stdout: str
    stderr: str
    log: str
    """What of it the declaration calls the log."""

    @property
    def output(self) -> str:
        """All that it wrote."""
        return self.stdout + self.stderr

    @property
    def refused(self) -> bool:
        """Whether it ended by itself and said by its status that it cannot run."""
        return not self.ready and self.code is not None and self.code != 0


Begin = Callable[[], Mapping[str, str]]
"""Gives the environment of a start, complete but for its port, when it is its turn."""


def attempts(
    run: Run,
    system: System,
    *,
    cwd: Path,
    begins: Iterable[Begin],
    within: float = WITHIN_SECONDS,
    at_once: int = AT_ONCE,
    steady: float = STEADY_SECONDS,
) -> Iterator[tuple[int, Attempt]]:
    """Start the system in each environment, some at once; yield number and outcome as they end.

    All is started by the caller's thread. What runs after `within` seconds, or is ready, is ended; a worker
    is ready `steady` seconds after it said so. Raises GateError where it cannot be started, or writes more
    than is read.
    """
    waiting = enumerate(begins)
    running: dict[int, _Running] = {}
    try:
        while True:
            for number, begin in itertools.islice(waiting, at_once - len(running)):
                started = launch.begin(run, system, cwd=cwd, environment=begin(), secrets=NO_VARIABLES)
                running[number] = _Running(instance=started, steady=steady)
            if not running:
                return
            over = [number for number, each in running.items() if each.is_over(within)]
            for number in over:
                yield number, running.pop(number).end()
            for each in itertools.islice(running.values(), 1):
                each.pause()
    finally:
        for each in running.values():
            each.instance.process.kill()


@dataclass(kw_only=True)
class _Running:
    """A start that is not over yet."""

    instance: Instance
    steady: float
    began: float = field(default_factory=time.monotonic)
    accepted: bool = False
    ready: bool = False
    seconds: float = 0.0
    said: float | None = None

    def is_over(self, within: float) -> bool:
        """Look at it; tell whether there is nothing more to learn."""
        code = self.instance.process.poll()
        self.seconds = time.monotonic() - self.began
        if code is not None:
            self.ready = self.instance.system.kind == "job" and code == 0
            return True
        self.accepted = self.accepted or (
            self.instance.port != 0 and accepts(self.instance.port, ANSWER_SECONDS)
        )
        self.ready = self._serves()
        return self.ready or self.seconds > within

    def pause(self) -> None:
        """Wait until the next look, or less where it ends."""
        self.instance.process.wait(PROBE_SECONDS)

    def end(self) -> Attempt:
        """End it and return what came of it."""
        process = self.instance.process
        code = process.poll()
        process.kill()
        return Attempt(
            ready=self.ready,
            accepted=self.accepted,
            code=code,
            seconds=self.seconds,
            stdout=process.stdout,
            stderr=process.stderr,
            log=self.instance.log(process.stdout, process.stderr),
        )

    def _serves(self) -> bool:
        system, process = self.instance.system, self.instance.process
        if system.kind == "http":
            return self.accepted and answers(self.instance.port, system.ready or "/")
        if system.kind != "worker" or not system.ready_log:
            return False
        log = self.instance.log(process.stdout, process.stderr)
        if self.said is None and re.search(system.ready_log, log, re.MULTILINE):
            self.said = self.seconds
        return self.said is not None and self.seconds - self.said > self.steady
