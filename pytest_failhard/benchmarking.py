"""The fixture `failhard_benchmark` and the marker `failhard_perf`; nothing is measured in an ordinary run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ParamSpec, TypeVar

import pytest

from pytest_failhard import refusals

MARKER = (
    "failhard_perf(max_regression=, budget_ms=, pin=, clock=): how much slower this benchmark may become "
    "(a part of 1, at most 0.15); the CPU time per call of one that is new; pin=False for one that needs "
    "several processors; further clocks that must hold (cpu, cpu_mean, adj, wall)"
)
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class UsedTwiceError(Exception):
    """One test is one benchmark."""


class Benchmark:
    """Calls what it is given once and returns the result; the gate `performance` measures it."""

    def __init__(self) -> None:
        self._used = False

    def __call__(
        self,
        function: Callable[Arguments, Result],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Call the function."""
        self._use()
        return function(*args, **kwargs)

    def pedantic(
        self,
        target: Callable[..., Result],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
        setup: Callable[[], tuple[tuple[object, ...], Mapping[str, object]] | None] | None = None,
        teardown: Callable[..., object] | None = None,
        rounds: int = 1,
        warmup_rounds: int = 0,
        iterations: int = 1,
    ) -> Result:
        """Set up, call, tear down. `setup` may return positional and keyword arguments.

        How often it is measured is the gate's affair: `rounds`, `warmup_rounds` and `iterations` are there
        because pytest-benchmark has them.
        """
        del rounds, warmup_rounds, iterations
        self._use()
        made = setup() if setup is not None else None
        if made and (args or kwargs):
            raise TypeError("Can't use `args` or `kwargs` if `setup` returns the arguments.")
        positional, named = made or (args, kwargs or {})
        result = target(*positional, **named)
        if teardown is not None:
            teardown(*positional, **named)
        return result

    def _use(self) -> None:
        if self._used:
            raise UsedTwiceError("failhard_benchmark can be used once in a test")
        self._used = True


@pytest.fixture
def failhard_benchmark() -> Benchmark:
    """Call a function once and return its result; the gate `performance` measures it."""
    return Benchmark()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse markers that cannot be meant, all of them at once, before any test runs."""
    refusals.refuse(config, items, [mistake for item in items for mistake in _mistakes(item)])


def _mistakes(item: pytest.Item) -> Iterator[str]:
    if item.get_closest_marker("failhard_perf") is None:
        return
    from pytest_failhard.gates.performance.serve import marker

    said = marker.read((mark.args, mark.kwargs) for mark in item.iter_markers(marker.NAME))
    name = item.nodeid.partition("[")[0]
    for mistake in said.mistakes:
        yield f"{name}: {marker.NAME}: {mistake}"
