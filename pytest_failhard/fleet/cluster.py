"""Dask's distributed as the fleet uses it: what it lacks in types stands here, and its start."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Protocol, Self

from pytest_failhard.fleet.orders import Order, Outcome

INSTALL = "python -m pip install 'pytest-failhard[fleet]'"
CONNECT_SECONDS = 30


class FleetError(Exception):
    """Nothing can be judged: what is missing, and what to do."""


class Future(Protocol):
    """What a worker will say."""

    @property
    def key(self) -> str:
        """The name under which it was submitted."""

    @property
    def status(self) -> str:
        """`pending`, `finished`, `error`, `lost` or `cancelled`."""

    def result(self) -> Outcome:
        """Return what the worker said."""

    def exception(self) -> BaseException | None:
        """Return what was raised in its place."""

    def release(self) -> None:
        """Let the cluster forget it."""


class Client(Protocol):
    """Whoever asks the scheduler."""

    def submit(
        self, function: Callable[[Order], Outcome], order: Order, /, *, key: str, priority: float
    ) -> Future:
        """Have a worker call a function; a higher priority is served first."""

    def nthreads(self) -> Mapping[str, int]:
        """Return the threads of each worker that is there."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *error: object) -> None:
        """Leave the scheduler."""


def loaded() -> ModuleType:
    """Return the library; raises FleetError where it is not installed."""
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise FleetError(f"a fleet needs Dask's distributed: {INSTALL}") from error


@contextmanager
def client(scheduler: str, workers: int) -> Iterator[Client]:
    """Yield a client of a running scheduler, or of one with so many workers on this machine.

    Raises FleetError where none can be had.
    """
    library = vars(loaded())
    if scheduler:
        try:
            asking: Client = library["Client"](scheduler, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise FleetError(f"{scheduler}: no scheduler answers there: {error}") from error
        with asking:
            yield asking
        return
    with (
        library["LocalCluster"](
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            # What a project takes is its own affair: Dask would end a worker at a share of the memory.
            memory_limit=0,
            dashboard_address=None,
            host="127.0.0.1",
            silence_logs=logging.ERROR,
        ) as cluster,
        library["Client"](cluster) as local,
    ):
        yield local


def wait(futures: Collection[Future], seconds: float) -> tuple[set[Future], set[Future]]:
    """Return those that ended, one at least, and the others; raises TimeoutError."""
    ended, open_ = vars(loaded())["wait"](futures, timeout=seconds, return_when="FIRST_COMPLETED")
    return set(ended), set(open_)


def first_time(token: str) -> bool:
    """Tell, in a worker, whether nobody of the cluster has said this token before; say it."""
    event = vars(loaded())["Event"](f"failhard-{token}")
    if event.is_set():
        return False
    event.set()
    return True
