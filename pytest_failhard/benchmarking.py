"""The object of `failhard_benchmark` and what `failhard_perf` may say; an ordinary run measures nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    import pytest

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


def mistakes(items: Iterable[pytest.Item]) -> Iterator[str]:
    """Yield what the markers of the tests say and cannot mean."""
    from pytest_failhard.gates.performance.serve import marker

    for item in items:
        if item.get_closest_marker(marker.NAME) is None:
            continue
        said = marker.read((mark.args, mark.kwargs) for mark in item.iter_markers(marker.NAME))
        name = item.nodeid.partition("[")[0]
        for mistake in said.mistakes:
            yield f"{name}: {marker.NAME}: {mistake}"
