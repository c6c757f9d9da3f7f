"""Calls a system as a command: a fresh process each time, and a watchdog that ends its whole tree."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from pytest_failhard.gates.llm.drivers import LOOK_SECONDS, Enough, never, results
from pytest_failhard.gates.llm.drivers.workplace import Place
from pytest_failhard.llm.calls import Call
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.model import Process, Run

AT_ONCE = 16
"""The most processes of a crowd that run together; when one ends, another is started."""


class CommandDriver:
    """Runs the declared command."""

    def __init__(self, run: Run, call: Call, where: Place, environment: Mapping[str, str]) -> None:
        self._run = run
        self._call = call
        self._argv = call.command or ()
        self._where = where
        self._environment = environment
        self._watch = where.watch()

    def call(self, within: float) -> Outcome:
        """Run the command to its end; after `within` seconds it is ended, with all that it started."""
        self._watch.written()
        began = time.monotonic()
        process = self._run.start(self._argv, environment=self._environment, cwd=self._where.tree)
        try:
            code = process.wait(within)
            seconds = time.monotonic() - began
        finally:
            process.kill()
        files = self._watch.written()
        stdout = process.stdout
        return Outcome(
            form="command",
            ended=code is not None,
            produced=code == 0,
            code=code,
            result=results.text(self._call.where, {"stdout": stdout}, files),
            streams={"stdout": stdout, "stderr": process.stderr, "argv": json.dumps(self._argv)},
            files=files,
            seconds=seconds,
        )

    def crowd(self, count: int, within: float, enough: Enough = never) -> int:
        """Start the command as often as asked; a limit over all processes is the project's business."""
        deadline = time.monotonic() + within
        running: list[Process] = []
        offered = 0
        try:
            while time.monotonic() < deadline and not enough():
                ended = [process for process in running if process.poll() is not None]
                for process in ended:
                    process.kill()
                    running.remove(process)
                for _ in range(min(AT_ONCE - len(running), count - offered)):
                    running.append(
                        self._run.start(self._argv, environment=self._environment, cwd=self._where.tree)
                    )
                    offered += 1
                if not running:
                    break
                running[0].wait(LOOK_SECONDS)
        finally:
            for process in running:
                process.kill()
        return offered

    def idle_seconds(self) -> float:
        """Return 0: each call is a process of its own."""
        return 0.0

    def restart(self, environment: Mapping[str, str]) -> None:
        """From the next call on the environment is this one."""
        self._environment = environment

    def close(self) -> None:
        """Do nothing: no command outlives its call."""
