"""Puts our loop into the fixtures of pytest-benchmark and pytest-codspeed, if these are as we know them."""

from __future__ import annotations

import importlib.metadata
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from .work import Arguments, Call, Pedantic, Work

PEDANTIC = ("self", "target", "args", "kwargs", "setup", "teardown", "rounds", "warmup_rounds", "iterations")
OLD_PEDANTIC = tuple(name for name in PEDANTIC if name != "teardown")
"""Before 5.2."""
RAW = ("self", "function_to_benchmark", "args", "kwargs")
CODSPEED = ("self", "target", "args", "kwargs")
NEITHER = "failhard_benchmark"
Feed = Callable[[int, Sequence[float]], None]
Serve = Callable[[Work, Feed], object]


class UnsupportedError(Exception):
    """A plugin is not as we know it: nothing may be measured through it."""


class Registered(Protocol):
    """The part of pytest's plugin manager that is asked."""

    def is_registered(self, plugin: object) -> bool:
        """Tell whether a plugin is active."""


class Statistics(Protocol):
    """What pytest-benchmark keeps of a benchmark."""

    def update(self, duration: float) -> None:
        """Add a round."""


class Fixture(Protocol):
    """The part of pytest-benchmark's fixture that is used."""

    disabled: bool
    _make_stats: Callable[[int], Statistics]


def serve(plugins: Registered, server: Serve) -> str:
    """Have the active plugin's fixture served and return its name and version; raises UnsupportedError."""
    for module, distribution, put in (
        ("pytest_benchmark.plugin", "pytest-benchmark", _into_benchmark),
        ("pytest_codspeed.plugin", "pytest-codspeed", _into_codspeed),
    ):
        if module in sys.modules and plugins.is_registered(sys.modules[module]):
            version = importlib.metadata.version(distribution)
            put(server, version)
            return f"{distribution} {version}"
    return NEITHER


def no_statistics(calls: int, seconds: Sequence[float]) -> None:
    """Nobody keeps them."""


def _into_benchmark(server: Serve, version: str) -> None:
    name = f"pytest-benchmark {version}"
    if not version.startswith("5."):
        raise UnsupportedError(f"{name}: 5.x is supported")
    fixture_type = _fixture_type(name, "pytest_benchmark.fixture")
    _demand(fixture_type, name, {"_raw": (RAW,), "_raw_pedantic": (PEDANTIC, OLD_PEDANTIC)})
    _replace(fixture_type, {"_raw": _call(server, _feed), "_raw_pedantic": _pedantic(server, _feed)})


def _into_codspeed(server: Serve, version: str) -> None:
    name = f"pytest-codspeed {version}"
    fixture_type = _fixture_type(name, "pytest_codspeed.plugin")
    _demand(fixture_type, name, {"__call__": (CODSPEED,), "pedantic": (PEDANTIC,)})
    _replace(fixture_type, {"__call__": _call(server, _none), "pedantic": _pedantic(server, _none)})


def _call(server: Serve, feed: Callable[[Fixture], Feed]) -> Callable[..., object]:
    def call(self: Fixture, function: Callable[..., object], /, *args: object, **kwargs: object) -> object:
        return server(Call(function, args, kwargs), feed(self))

    return call


def _pedantic(server: Serve, feed: Callable[[Fixture], Feed]) -> Callable[..., object]:
    def pedantic(
        self: Fixture,
        target: Callable[..., object],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
        setup: Callable[[], Arguments | None] | None = None,
        teardown: Callable[..., object] | None = None,
        **_: object,
    ) -> object:
        return server(Pedantic(target, args, kwargs, setup, teardown), feed(self))

    return pedantic


class Served:
    """The fixture `failhard_benchmark` in a worker: it is called as those of the plugins are."""

    def __init__(self, server: Serve) -> None:
        self._server = server

    def __call__(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> object:
        """Measure a call."""
        return self._server(Call(function, args, kwargs), no_statistics)

    def pedantic(
        self,
        target: Callable[..., object],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
        setup: Callable[[], Arguments | None] | None = None,
        teardown: Callable[..., object] | None = None,
        rounds: int = 1,
        warmup_rounds: int = 0,
        iterations: int = 1,
    ) -> object:
        """Measure a call alone, without what is set up for it; how often is not up to the test."""
        del rounds, warmup_rounds, iterations
        return self._server(Pedantic(target, args, kwargs, setup, teardown), no_statistics)


def _fixture_type(name: str, module: str) -> type:
    found: object = getattr(sys.modules.get(module), "BenchmarkFixture", None)
    if not isinstance(found, type):
        raise UnsupportedError(f"{name}: {module} has no BenchmarkFixture")
    return found


def _feed(fixture: Fixture) -> Feed:
    """Return what tells pytest-benchmark of our batches, so that its JSON and its table stay valid."""

    def feed(calls: int, seconds: Sequence[float]) -> None:
        if fixture.disabled:
            return
        statistics = fixture._make_stats(calls)
        for each in seconds:
            statistics.update(each)

    return feed


def _none(_: Fixture) -> Feed:
    return no_statistics


def _demand(fixture_type: type, name: str, signatures: Mapping[str, Sequence[Sequence[str]]]) -> None:
    for method, known in signatures.items():
        there = getattr(fixture_type, method, None)
        if there is None:
            raise UnsupportedError(f"{name}: its fixture has no {method}")
        if tuple(inspect.signature(there).parameters) not in known:
            raise UnsupportedError(f"{name}: {method} of its fixture has other parameters")


def _replace(fixture_type: type, methods: Mapping[str, object]) -> None:
    for name, method in methods.items():
        setattr(fixture_type, name, method)
