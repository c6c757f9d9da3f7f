"""Calls a system as a command: a fresh process each time, and a watchdog that ends its whole tree."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from pytest_failhard.gates.llm.declaration import Call
from pytest_failhard.gates.llm.drivers import results
from pytest_failhard.gates.llm.drivers.workplace import Place
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.model import Run


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

    def restart(self, environment: Mapping[str, str]) -> None:
        """From the next call on the environment is this one."""
        self._environment = environment

    def close(self) -> None:
        """Do nothing: no command outlives its call."""
