"""The supervisor's test child: it has the tests measured and recorded, and judges nothing."""

from __future__ import annotations

import atexit
import faulthandler
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.measurement import Measurement
from pytest_failhard.recorder import Recorder
from pytest_failhard.records import RecordWriter

XDIST_WORKER = "PYTEST_XDIST_WORKER"


class Orders:
    """What the parent wants of us: it comes down standard input, once, and stays out of sight.

    Neither the arguments nor the environment hold the nonce or name the result file, so that project
    code that looks there finds nothing.
    """

    def __init__(self, line: str) -> None:
        order = json.loads(line)
        self.writer = RecordWriter(order["result"], order["nonce"])
        self.rcfile = None if order["rcfile"] is None else Path(order["rcfile"])
        self.lifeline: int = order["lifeline"]
        for descriptor in (order["result"], order["lifeline"]):
            os.set_inheritable(descriptor, False)

    @classmethod
    def receive(cls) -> Orders:
        """Read the order and close the pipe; what reads standard input later finds its end."""
        line = sys.stdin.readline()
        with Path(os.devnull).open(encoding="utf-8") as nothing:
            os.dup2(nothing.fileno(), 0)
        return cls(line)

    def watch(self) -> None:
        """End this process group when the parent is dead: the lifeline's other end closes then."""

        def wait() -> None:
            os.read(self.lifeline, 1)
            os.killpg(os.getpgid(0), signal.SIGKILL)

        threading.Thread(target=wait, name="failhard-lifeline", daemon=True).start()


ORDERS = None if XDIST_WORKER in os.environ else Orders.receive()
if ORDERS is not None:
    ORDERS.watch()
    # The supervisor asks for the stacks shortly before its time is up. They go to the real standard
    # error: what pytest puts in its place while a test runs is lost when the test is killed.
    STACKS = os.dup(2)
    # What is registered first is called last: nobody is there any more to see what would be thrown away one
    # by one, and where there are ten thousand tests that takes a second.
    atexit.register(gc.freeze)
    faulthandler.register(signal.SIGUSR1, file=STACKS, all_threads=True)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start measuring, where a gate asks for it, before any conftest is imported."""
    if ORDERS is not None and ORDERS.rcfile is not None:
        measurement = Measurement(ORDERS.rcfile)
        measurement.start()
        early_config.pluginmanager.register(measurement, "failhard-measurement")


def pytest_configure(config: pytest.Config) -> None:
    """Register what records."""
    if hasattr(config, "workerinput"):
        measurement = Measurement.of_worker(vars(config)["workerinput"])
        if measurement is not None:
            measurement.start()
            config.pluginmanager.register(measurement, "failhard-measurement")
        config.pluginmanager.register(Recorder(config), "failhard-recorder")
        return
    if ORDERS is None:
        raise pytest.UsageError("pytest_failhard.child serves `failhard check` only")
    recorder = Recorder(config, ORDERS.writer)
    config.pluginmanager.register(recorder, "failhard-recorder")
    config.pluginmanager.register(Sealer(config, recorder), "failhard-sealer")


class Sealer:
    """Writes the final record as soon as pytest knows its exit status."""

    def __init__(self, config: pytest.Config, recorder: Recorder) -> None:
        self.config = config
        self.recorder = recorder

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, object, object]:
        """Seal after every other plugin finished, with the status pytest itself came to."""
        try:
            return (yield)
        finally:
            # `exitstatus` is what pytest computed; `session.exitstatus` may have been overwritten since.
            run = self.recorder.result(
                exit_status=int(exitstatus),
                interrupted=int(exitstatus) == pytest.ExitCode.INTERRUPTED and not session.testsfailed,
                arguments=self.config.invocation_params.args,
            )
            # The configuration file is the supervisor's own, not one that the project slipped in.
            self.recorder.seal(replace(run, inipath=""))
