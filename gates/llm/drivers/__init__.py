"""The three ways to call a system: a command, a callable, a route; each gives what one call left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from pytest_failhard.gates.llm.drivers.workplace import Place
from pytest_failhard.llm.calls import Call
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.model import NO_VARIABLES, Run
from pytest_failhard.system import workcopy
from pytest_failhard.system.declaration import System
from pytest_failhard.system.environment import Prepared, prepare

LOOK_SECONDS = 0.1
"""How often it is looked whether what is waited for has come, or never will."""
Enough = Callable[[], bool]
"""Tells whether nothing more is to be learned from a crowd."""


def never() -> bool:
    """Tell that a crowd is to be watched to its end."""
    return False


class Driver(Protocol):
    """Calls a system in one environment, one call at a time.

    What runs from one call to the next (a service, a worker) is started with the first and again after it
    ended. Not safe for several threads: each has a driver of its own.
    """

    def call(self, within: float) -> Outcome:
        """Call the system; after `within` seconds it is ended, with all that it started.

        Raises GateError where the call could not be made at all.
        """

    def crowd(self, count: int, within: float, enough: Enough = never) -> int:
        """Make calls of one system at the same time; return how many it was offered.

        It is watched until all have ended, `enough` says so, or `within` seconds are over; what then has
        not ended is ended, with the system. What the calls gave is not looked at. Raises GateError where
        the system cannot be started.
        """

    def idle_seconds(self) -> float:
        """Return how long a service takes for what needs no model; 0.0 for all that is no service."""

    def restart(self, environment: Mapping[str, str]) -> None:
        """End what runs; from the next call on the environment is this one."""

    def close(self) -> None:
        """End what runs."""


def place(
    run: Run,
    system: System,
    folder: Path,
    keys: Mapping[str, str],
    provided: Mapping[str, str] = NO_VARIABLES,
) -> Place:
    """Make a place below a fresh folder; `keys` are canary keys by variable. Raises GateError.

    `provided` says by variable where the system finds its dependencies.
    """
    copied = workcopy.copy(run.root, folder / "tree")
    prepared = prepare(system, interpreter=run.interpreter, folder=folder, keys=keys, provided=provided)
    return Place(tree=copied.folder, prepared=prepared)


def environment(
    prepared: Prepared, changes: Mapping[str, str], absent: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the complete environment: the declared one, on top of it the changes, without what is absent.

    A secret that is declared to stand in a file stays there.
    """
    in_files = {name for name, value in prepared.secrets.items() if prepared.variables[name] != value}
    joined = {**prepared.variables, **{name: each for name, each in changes.items() if name not in in_files}}
    return {name: value for name, value in joined.items() if name not in absent}


def driver(
    run: Run,
    system: System,
    call: Call,
    where: Place,
    environment: Mapping[str, str],
    *,
    import_roots: tuple[str, ...] = (),
) -> Driver:
    """Return the driver for a declared call."""
    from pytest_failhard.gates.llm.drivers.command import CommandDriver
    from pytest_failhard.gates.llm.drivers.function import FunctionDriver
    from pytest_failhard.gates.llm.drivers.service import ServiceDriver

    if call.form == "command":
        return CommandDriver(run, call, where, environment)
    if call.form == "callable":
        return FunctionDriver(run, call, where, environment, import_roots)
    return ServiceDriver(run, system, call, where, environment)
